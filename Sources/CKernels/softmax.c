#include <string.h>

#include "CKernels.h"

// exp(x) = 2^k exp(r), k the integer nearest to x / ln 2, |r| <= ln 2 / 2. ln 2 is split so that k times its upper part
// is exact (32 bits by 11), and exp(r) is its Taylor sum to the 13th power, whose remainder is below 5e-18. Every step
// is one
// IEEE operation in a fixed order, so the bits are the same wherever this file is built without contraction.
double lv_exp_nonpositive(double x) {
    static const double inverse_factorial[] = {
        1.0,           1.0,            1.0 / 2,         1.0 / 6,          1.0 / 24,
        1.0 / 120,     1.0 / 720,      1.0 / 5040,      1.0 / 40320,      1.0 / 362880,
        1.0 / 3628800, 1.0 / 39916800, 1.0 / 479001600, 1.0 / 6227020800,
    };
    const double per_ln2 = 0x1.71547652b82fep+0, ln2_upper = 0x1.62e42feep-1, ln2_lower = 0x1.a39ef35793c76p-33;
    if (!(x >= -708.0)) return 0.0;  // below, 2^k is no longer a normal number
    if (x > 0.0) x = 0.0;
    int64_t k = (int64_t)(x * per_ln2 - 0.5);  // truncation towards zero, so to the nearest for x <= 0
    double r = (x - (double)k * ln2_upper) - (double)k * ln2_lower;
    double sum = inverse_factorial[13];
    for (int i = 12; i >= 0; i--) sum = sum * r + inverse_factorial[i];
    uint64_t bits = (uint64_t)(k + 1023) << 52;
    double power;
    memcpy(&power, &bits, sizeof power);
    return sum * power;
}

void lv_softmax(const float *logits, size_t count, double *probabilities) {
    float largest = logits[0];
    for (size_t i = 1; i < count; i++) largest = logits[i] > largest ? logits[i] : largest;
    double sum = 0.0;
    for (size_t i = 0; i < count; i++) {
        probabilities[i] = lv_exp_nonpositive((double)logits[i] - (double)largest);
        sum += probabilities[i];
    }
    for (size_t i = 0; i < count; i++) probabilities[i] /= sum;
}
