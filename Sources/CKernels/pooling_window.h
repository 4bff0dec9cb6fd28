// The part of a pooling window that lies inside the picture.
#pragma once

#include "kernel_sets.h"

typedef struct {
    size_t first, end;  // input rows or columns
} lv_window;

LV_INLINE lv_window lv_window_at(size_t output, size_t stride, size_t kernel, size_t padding, size_t length) {
    size_t begin = output * stride, end = begin + kernel;  // in the padded picture
    return (lv_window){begin > padding ? begin - padding : 0, end - padding < length ? end - padding : length};
}
