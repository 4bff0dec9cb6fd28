// How the products of a tile are laid out, for the kernel and for packing its weights.
#pragma once

#include "winograd_transform.h"

enum { LV_MAX_POSITIONS = LV_MAX_PRODUCTS * LV_MAX_PRODUCTS };

// Positions (row product x column product) in classes that share their weights: one each, except that the untransformed
// products of stride 2 share theirs along that dimension.
typedef struct {
    size_t count, class_count;
    struct {
        size_t first, members;  // in the numbering by class
        size_t row, column;     // of its first member
    } classes[LV_MAX_POSITIONS];
    uint8_t class_of[LV_MAX_POSITIONS], member[LV_MAX_POSITIONS];  // by row x columns + column
} lv_positions;

void lv_set_positions(lv_positions *positions, lv_tiling rows, lv_tiling columns);
