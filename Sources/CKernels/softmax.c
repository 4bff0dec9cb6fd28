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

// log(x) = k ln 2 + 2 atanh(t), m = x / 2^k between sqrt(1/2) and sqrt(2), t = (m - 1) / (m + 1), |t| < 0.172: its Taylor
// sum to the 23rd power, whose remainder is below 1e-20.
double lv_log(double x) {
    const double ln2_upper = 0x1.62e42feep-1, ln2_lower = 0x1.a39ef35793c76p-33, sqrt2 = 0x1.6a09e667f3bcdp+0;
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    int64_t k = (int64_t)(bits >> 52) - 1023;
    bits = (bits & 0x000FFFFFFFFFFFFFu) | 0x3FF0000000000000u;
    double m;
    memcpy(&m, &bits, sizeof m);
    if (m > sqrt2) {
        m *= 0.5;
        k += 1;
    }
    const double t = (m - 1.0) / (m + 1.0), square = t * t;
    double sum = 1.0 / 23;
    for (int i = 21; i >= 1; i -= 2) sum = sum * square + 1.0 / i;
    return (double)k * ln2_upper + (2.0 * t * sum + (double)k * ln2_lower);
}

void lv_softmax_rows_run(const void *argument, size_t item, size_t worker) {
    const lv_softmax_rows *k = argument;
    (void)worker;
    // Images and their rows follow each other without a gap.
    const size_t start = item * k->length * k->inner;
    for (size_t i = 0; i < k->inner; i++) {
        const float *x = k->input + start + i;
        float *y = k->output + start + i;
        float largest = x[0];
        for (size_t c = 1; c < k->length; c++) largest = x[c * k->inner] > largest ? x[c * k->inner] : largest;
        double sum = 0.0;
        for (size_t c = 0; c < k->length; c++) sum += lv_exp_nonpositive((double)x[c * k->inner] - (double)largest);
        const double log_sum = k->logarithm ? lv_log(sum) : 0.0;
        for (size_t c = 0; c < k->length; c++) {
            const double difference = (double)x[c * k->inner] - (double)largest;
            y[c * k->inner] = (float)(k->logarithm ? difference - log_sum : lv_exp_nonpositive(difference) / sum);
        }
    }
}
