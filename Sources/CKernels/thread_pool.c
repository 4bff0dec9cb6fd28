// A pool whose unit is one job at a time: items are handed out one by one, so a thread that the system has put aside
// delays nobody, and a worker that wakes late finds nothing and touches nothing.
#include <errno.h>
#include <fenv.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "kernel_sets.h"

#if LV_X86
#include <immintrin.h>
#endif

enum {
    // About 50 us: longer than the gap between two layers, shorter than a time slice.
    SPINS = 1000,
    COUNT_SHIFT = 32,
};

struct lv_pool {
    // Upper half: items of the current job. Lower half: next item to hand out; it may run past the count, by one for
    // each worker that looked too late. One atomic, so that a worker can't mix two jobs.
    _Alignas(64) atomic_uint_fast64_t ticket;
    _Alignas(64) atomic_size_t done;
    // Written before the ticket is published, read after an item was drawn: the job can't change while an item of it
    // is not done.
    _Alignas(64) lv_item run;
    const void *kernel;

    // A piece of work of its own that one worker takes; NULL where there is none. Written before `aside`.
    void *aside_argument;
    _Atomic(lv_aside) aside;

    _Alignas(64) pthread_mutex_t mutex;
    pthread_cond_t work;
    atomic_size_t sleeping;
    atomic_bool stopping;

    size_t threads;  // that were started, the caller not counted
    struct worker {
        lv_pool *pool;
        size_t index;
        pthread_t thread;
    } workers[];
};

static void pause_briefly(void) {
#if LV_X86
    _mm_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

static bool has_work(lv_pool *pool) {
    uint64_t ticket = atomic_load_explicit(&pool->ticket, memory_order_seq_cst);
    return (uint32_t)ticket < (ticket >> COUNT_SHIFT);
}

static void work(lv_pool *pool, size_t worker) {
    while (has_work(pool)) {
        uint64_t ticket = atomic_fetch_add_explicit(&pool->ticket, 1, memory_order_acq_rel);
        if ((uint32_t)ticket >= (ticket >> COUNT_SHIFT)) return;
        pool->run(pool->kernel, (uint32_t)ticket, worker);
        atomic_fetch_add_explicit(&pool->done, 1, memory_order_release);
    }
}

static bool has_aside(lv_pool *pool) { return atomic_load_explicit(&pool->aside, memory_order_seq_cst) != NULL; }

static void run_aside(lv_pool *pool) {
    void *argument = pool->aside_argument;
    lv_aside run = atomic_exchange(&pool->aside, NULL);
    if (run) run(argument);
}

static void sleep_until_work(lv_pool *pool) {
    pthread_mutex_lock(&pool->mutex);
    atomic_fetch_add(&pool->sleeping, 1);
    // Announced as sleeping before looking: a job posted from here on either is seen, or its poster sees a sleeper.
    while (!has_work(pool) && !has_aside(pool) && !atomic_load(&pool->stopping)) pthread_cond_wait(&pool->work, &pool->mutex);
    atomic_fetch_sub(&pool->sleeping, 1);
    pthread_mutex_unlock(&pool->mutex);
}

static void *worker_main(void *argument) {
    struct worker *worker = argument;
    lv_pool *pool = worker->pool;
    fesetenv(FE_DFL_ENV);  // a new thread inherits its creator's
    while (!atomic_load(&pool->stopping)) {
        if (has_aside(pool)) run_aside(pool);
        int spins = 0;
        while (!has_work(pool) && spins < SPINS && !atomic_load_explicit(&pool->stopping, memory_order_relaxed)) {
            pause_briefly();
            spins++;
        }
        if (has_work(pool)) {
            work(pool, worker->index);
        } else {
            sleep_until_work(pool);
        }
    }
    return NULL;
}

lv_pool *lv_pool_create(size_t threads, int *error) {
    size_t extra = threads > 0 ? threads - 1 : 0;
    size_t size = (sizeof(lv_pool) + extra * sizeof(struct worker) + 63) / 64 * 64;
    lv_pool *pool = aligned_alloc(64, size);
    if (!pool) {
        *error = ENOMEM;
        return NULL;
    }
    atomic_init(&pool->ticket, 0);
    atomic_init(&pool->done, 0);
    atomic_init(&pool->aside, NULL);
    atomic_init(&pool->sleeping, 0);
    atomic_init(&pool->stopping, false);
    pthread_mutex_init(&pool->mutex, NULL);
    pthread_cond_init(&pool->work, NULL);
    pool->threads = 0;
    for (size_t i = 0; i < extra; i++) {
        struct worker *worker = &pool->workers[i];
        worker->pool = pool;
        worker->index = i + 1;
        int status = pthread_create(&worker->thread, NULL, worker_main, worker);
        if (status != 0) {
            *error = status;
            lv_pool_destroy(pool);
            return NULL;
        }
        pool->threads++;
    }
    return pool;
}

void lv_pool_destroy(lv_pool *pool) {
    pthread_mutex_lock(&pool->mutex);
    atomic_store(&pool->stopping, true);
    pthread_cond_broadcast(&pool->work);
    pthread_mutex_unlock(&pool->mutex);
    for (size_t i = 0; i < pool->threads; i++) pthread_join(pool->workers[i].thread, NULL);
    pthread_cond_destroy(&pool->work);
    pthread_mutex_destroy(&pool->mutex);
    free(pool);
}

static void wake(lv_pool *pool) {
    if (atomic_load_explicit(&pool->sleeping, memory_order_seq_cst) == 0) return;
    pthread_mutex_lock(&pool->mutex);
    pthread_cond_broadcast(&pool->work);
    pthread_mutex_unlock(&pool->mutex);
}

bool lv_pool_run_aside(lv_pool *pool, lv_aside run, void *argument) {
    if (pool->threads == 0) return false;
    pool->aside_argument = argument;
    atomic_store_explicit(&pool->aside, run, memory_order_seq_cst);
    wake(pool);
    return true;
}

void lv_pool_run(lv_pool *pool, lv_item run, const void *kernel, size_t count) {
    // Round to nearest, denormals kept: the caller may have set otherwise, and gets it back.
    fenv_t environment;
    fegetenv(&environment);
    fesetenv(FE_DFL_ENV);
    if (pool->threads == 0 || count <= 1) {
        for (size_t item = 0; item < count; item++) run(kernel, item, 0);
    } else {
        pool->run = run;
        pool->kernel = kernel;
        atomic_store_explicit(&pool->done, 0, memory_order_relaxed);
        atomic_store_explicit(&pool->ticket, (uint64_t)count << COUNT_SHIFT, memory_order_seq_cst);
        wake(pool);
        work(pool, 0);
        int spins = 0;
        while (atomic_load_explicit(&pool->done, memory_order_acquire) < count) {
            // Whoever holds the last item may be off the CPU: let it have this one.
            if (++spins > SPINS) sched_yield();
            else pause_briefly();
        }
    }
    fesetenv(&environment);
}
