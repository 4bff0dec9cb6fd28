#include "packing.h"

size_t lv_packed_quads(const lv_packing *p) {
    size_t quads = 0;
    for (size_t b = 0; b < p->blocks; b++) quads += lv_quads(p->block_channels[b]);
    return quads;
}

void lv_pack_quantised_group(const lv_packing *p, size_t group, int8_t *packed) {
    const size_t row = lv_row(p, group), taps = p->row_taps * p->column_taps;
    for (size_t b = 0, first = 0; b < p->blocks; first += p->block_channels[b], b++) {
        const size_t quads = lv_quads(p->block_channels[b]);
        for (size_t o = 0; o < row; o++) {
            const size_t output = group * LV_GROUP + o;
            const int8_t *from = p->quantised + (output * p->inputs + first) * taps;
            for (size_t c = 0; c < quads * LV_QUAD; c++) {
                const bool used = output < p->outputs && c < p->block_channels[b];
                int8_t *to = packed + (c / LV_QUAD * row + o) * LV_QUAD + c % LV_QUAD;
                for (size_t t = 0; t < taps; t++) to[t * quads * row * LV_QUAD] = used ? from[c * taps + t] : 0;
            }
        }
        packed += quads * taps * row * LV_QUAD;
    }
}
