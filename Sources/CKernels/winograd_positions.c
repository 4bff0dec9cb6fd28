#include "winograd.h"

// Products of different weights in one dimension; the untransformed ones of stride 2 count as one.
static size_t distinct(lv_dimension d) { return d.stride == 2 ? d.products - d.outputs + 1 : d.products; }

static size_t members(lv_dimension d, size_t product) {
    return d.stride == 2 && product == distinct(d) - 1 ? d.outputs : 1;
}

void lv_set_positions(lv_positions *p, lv_tiling rows, lv_tiling columns) {
    const lv_dimension r = lv_dimension_of(rows), c = lv_dimension_of(columns);
    p->count = p->class_count = 0;
    for (size_t i = 0; i < distinct(r); i++) {
        for (size_t j = 0; j < distinct(c); j++) {
            const size_t index = p->class_count++;
            p->classes[index].first = p->count;
            p->classes[index].members = members(r, i) * members(c, j);
            p->classes[index].row = i;
            p->classes[index].column = j;
            size_t member = 0;
            for (size_t y = i; y < i + members(r, i); y++) {
                for (size_t x = j; x < j + members(c, j); x++) {
                    p->class_of[y * c.products + x] = (uint8_t)index;
                    p->member[y * c.products + x] = (uint8_t)member++;
                }
            }
            p->count += member;
        }
    }
}

lv_tiling_shape lv_tiling_shape_of(lv_tiling rows, lv_tiling columns) {
    lv_positions positions;
    lv_set_positions(&positions, rows, columns);
    const lv_dimension r = lv_dimension_of(rows), c = lv_dimension_of(columns);
    return (lv_tiling_shape){r.outputs, c.outputs, positions.count, positions.class_count};
}
