#include "kernel_sets.h"

void lv_extremes(const float *values, size_t count, float *lowest, float *highest) {
    float low = *lowest, high = *highest;
    for (size_t i = 0; i < count; i++) {
        low = values[i] < low ? values[i] : low;
        high = values[i] > high ? values[i] : high;
    }
    *lowest = low;
    *highest = high;
}

void lv_count_magnitudes(const float *values, size_t count, float scale, uint64_t *positive, uint64_t *negative,
                         uint64_t *zeros) {
    for (size_t i = 0; i < count; i++) {
        if (values[i] > 0.0f) positive[(size_t)(values[i] * scale)]++;
        else if (values[i] < 0.0f) negative[(size_t)(-values[i] * scale)]++;
        else ++*zeros;
    }
}

void lv_store_and_load(float *values, size_t count, float scale, float zero) {
    for (size_t i = 0; i < count; i++) {
        float byte = values[i] / scale + zero;
        byte = byte > 0.0f ? byte : 0.0f;
        byte = byte < 255.0f ? byte : 255.0f;
        values[i] = (__builtin_rintf(byte) - zero) * scale;
    }
}

void lv_rectify(float *values, size_t count) {
    for (size_t i = 0; i < count; i++) values[i] = values[i] > 0.0f ? values[i] : 0.0f;
}

double lv_difference(const float *a, const float *b, size_t count) {
    double sum = 0.0;
    for (size_t i = 0; i < count; i++) sum += (double)a[i] - (double)b[i];
    return sum;
}

void lv_shift(float *values, size_t count, float change) {
    for (size_t i = 0; i < count; i++) values[i] += change;
}
