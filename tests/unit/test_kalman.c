/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "near.h"

#include "refclock/kalman.h"
#include "refclock/rng.h"

#define N 3

/*
 * The filter as a textbook writes it, with matrices and in steps of one second: x = F x,
 * P = F P F' + Q; K = P H' / (H P H' + R), x = x + K (z - H x), P = (I - K H) P (I - K H)' + K R K'
 * (Joseph's form, which stays symmetric and positive).
 */
struct matrix {
    long double m[N][N];
};
struct textbook {
    long double x[N];
    struct matrix p;
};

static struct matrix product(const struct matrix *a, const struct matrix *b, bool transposed)
{
    struct matrix out = {{{0}}};
    for (int i = 0; i < N; i++)
        for (int j = 0; j < N; j++)
            for (int k = 0; k < N; k++)
                out.m[i][j] += a->m[i][k] * (transposed ? b->m[j][k] : b->m[k][j]);
    return out;
}

static void textbook_second(struct textbook *t, const struct kalman_noise *q)
{
    /* a drift that decays as exp(-t / tau): its first and second integral over a second */
    long double tau = q->persist, left = tau > 0 ? expl(-1 / tau) : 1;
    long double once = tau > 0 ? tau * (1 - left) : 1, twice = tau > 0 ? tau * (1 - once) : 0.5L;
    const struct matrix f = {{{1, 1, twice}, {0, 1, once}, {0, 0, left}}};
    long double x[N];
    for (int i = 0; i < N; i++)
        x[i] = f.m[i][0] * t->x[0] + f.m[i][1] * t->x[1] + f.m[i][2] * t->x[2];
    memcpy(t->x, x, sizeof x);
    struct matrix fp = product(&f, &t->p, false);
    t->p = product(&fp, &f, true);
    t->p.m[0][0] += q->qx;
    t->p.m[1][1] += q->qy;
    t->p.m[2][2] += q->qd;
}

static void textbook_update(struct textbook *t, double z, double r)
{
    struct matrix a;
    long double s = t->p.m[0][0] + r, k[N], innovation = z - t->x[0];
    for (int i = 0; i < N; i++)
        k[i] = t->p.m[i][0] / s;
    for (int i = 0; i < N; i++) {
        t->x[i] += k[i] * innovation;
        for (int j = 0; j < N; j++)
            a.m[i][j] = (i == j) - (j == 0 ? k[i] : 0);
    }
    struct matrix ap = product(&a, &t->p, false);
    t->p = product(&ap, &a, true);
    for (int i = 0; i < N; i++)
        for (int j = 0; j < N; j++)
            t->p.m[i][j] += k[i] * r * k[j];
}

static struct textbook copy_of(const struct kalman *k)
{
    struct textbook t = {.x = {k->x, k->y, k->d}};
    for (int i = 0; i < N; i++)
        for (int j = 0; j < N; j++)
            t.p.m[i][j] = k->p[i][j];
    return t;
}

static bool near(double a, long double b, double relative)
{
    return fabs(a - (double)b) <= relative * fabs((double)b) + 1e-300;
}

static void assert_same(const struct kalman *k, const struct textbook *t, double relative)
{
    /* off the diagonal held against the diagonal: a correlation may be nothing */
    for (int i = 0; i < N; i++)
        for (int j = 0; j < N; j++) {
            double scale = sqrt((double)(t->p.m[i][i] * t->p.m[j][j]));
            assert_true(fabs(k->p[i][j] - (double)t->p.m[i][j]) <= relative * scale);
        }
    assert_true(fabs(k->x - (double)t->x[0]) <= relative * sqrt((double)t->p.m[0][0]) * 10);
    assert_true(fabs(k->y - (double)t->x[1]) <= relative * sqrt((double)t->p.m[1][1]) * 10);
    assert_true(fabs(k->d - (double)t->x[2]) <= relative * sqrt((double)t->p.m[2][2]) * 10);
}

static const struct kalman_noise noises[] = {
    {1e-3, 1e-6, 0, 0}, {0.1, 1e-3, 1e-8, 0},   {1e-6, 1e-8, 1e-12, 0},
    {0, 1e-5, 1e-9, 0}, {0.1, 1e-3, 1e-8, 300}, {1, 0, 0, 0},
};

static void as_the_textbook(void **state)
{
    (void)state;
    struct rng rng = rng_seeded(1, 1);
    for (size_t n = 0; n < sizeof noises / sizeof *noises; n++) {
        struct kalman k;
        kalman_init(&k);
        k.p[2][2] = 1e-6; /* also where drift is not zero */
        struct textbook t = copy_of(&k);
        for (int i = 0; i < 2000; i++) {
            double z = 5 + 0.01 * i + rng_gauss(&rng), r = i % 10 ? 1 : 4;
            kalman_predict(&k, 1, &noises[n]);
            textbook_second(&t, &noises[n]);
            if (i % 7 == 3) /* a pulse is missing */
                continue;
            assert_true(near(kalman_expect(&k, r), t.p.m[0][0] + r, i > 10 ? 1e-5 : 1e-3));
            double expected = z - (double)t.x[0], innovation = kalman_update(&k, z, r);
            assert_true(fabs(innovation - expected) < 1e-5);
            textbook_update(&t, z, r);
            if (i > 3) /* the first updates cancel 1e12 against 1 */
                assert_same(&k, &t, 2e-4);
        }
        assert_same(&k, &t, 1e-5);
    }
}

/*
 * What `n` seconds at once add is what n steps of a second add: exactly where the noises are of
 * phase and frequency, which is all that counts in an outage of a clock without drift; with drift
 * noise in the leading term.
 */
static void many_seconds_at_once(void **state)
{
    (void)state;
    for (size_t which = 0; which < sizeof noises / sizeof *noises; which++)
        for (int n = 1; n <= 4096; n *= 2) {
            struct kalman one = {.x = 1e-3, .y = 2e-5, .d = 1e-9}, many = one;
            for (int i = 0; i < N; i++)
                one.p[i][i] = many.p[i][i] = pow(0.01, i);
            struct textbook t = copy_of(&one);
            kalman_predict(&one, n, &noises[which]);
            for (int i = 0; i < n; i++) {
                kalman_predict(&many, 1, &noises[which]);
                textbook_second(&t, &noises[which]);
            }
            assert_same(&many, &t, 1e-9);
            if (noises[which].persist > 0)
                assert_true(one.p[0][0] > (double)t.p.m[0][0] * 0.99); /* never too sure */
            else
                assert_same(&one, &t, noises[which].qd > 0 ? 1.0 / n + 0.02 : 1e-9);
        }
}

/* Fractions of a second, as between a pulse and a question, and none at all. */
static void parts_of_a_second(void **state)
{
    (void)state;
    struct kalman k = {.y = 1e-6, .p = {{1, 0, 0}, {0, 1e-6, 0}, {0, 0, 0}}}, before = k;
    kalman_predict(&k, 0, &noises[0]);
    assert_memory_equal(&k, &before, sizeof k);
    kalman_predict(&k, 0.25, &noises[1]);
    assert_near(k.x, 0.25e-6, 1e-15);
    assert_true(k.p[0][0] > 1 && k.p[0][0] < 1.1);
    assert_true(k.p[1][1] >= 1e-6);
}

/* The same knowledge in other units: gains that suit a measurement's new variance. */
static void scaled(void **state)
{
    (void)state;
    struct kalman a = {.p = {{4, 1, 0.1}, {1, 2, 0.2}, {0.1, 0.2, 0.3}}}, b = a;
    (void)kalman_update(&a, 1, 3);
    kalman_scale(&b, 10);
    (void)kalman_update(&b, 1, 30);
    assert_near(a.x, b.x, 1e-12);
    assert_near(a.d, b.d, 1e-12);
    kalman_scale(&b, 0.1);
    for (int i = 0; i < N; i++)
        for (int j = 0; j < N; j++)
            assert_near(a.p[i][j], b.p[i][j], 1e-12);
}

/* From nothing: two phases give a frequency, and no number is lost on the way. */
static void from_nothing(void **state)
{
    (void)state;
    struct kalman_noise none = {0};
    struct kalman k;
    kalman_init(&k);
    (void)kalman_update(&k, 0.2, 1);
    kalman_predict(&k, 1, &none);
    (void)kalman_update(&k, 0.2 + 20e-6, 1);
    assert_near(k.x, 0.2 + 20e-6, 1e-9);
    assert_near(k.y, 20e-6, 1e-9);
    assert_near(k.p[0][0], 1, 1e-6);
    assert_near(k.p[1][1], 2, 1e-3);
    /* without noise of the oscillator it is the least-squares line: var = (4n - 2) / n / (n + 1) */
    for (int n = 3; n <= 100; n++) {
        kalman_predict(&k, 1, &none);
        (void)kalman_update(&k, 0.2 + (n - 1) * 20e-6, 1);
        assert_true(near(k.p[0][0], (4.0 * n - 2) / n / (n + 1), 1e-3));
        assert_true(near(k.p[1][1], 12.0 / n / ((double)n * n - 1), 1e-2));
    }
    assert_near(k.y, 20e-6, 1e-10);
}

/* Days of it: symmetric, positive, and steady. */
static void stays_healthy(void **state)
{
    (void)state;
    struct rng rng = rng_seeded(2, 1);
    for (size_t n = 0; n < sizeof noises / sizeof *noises; n++) {
        struct kalman k;
        kalman_init(&k);
        for (int i = 0; i < 50000; i++) {
            kalman_predict(&k, i % 1000 == 999 ? 60 : 1, &noises[n]);
            (void)kalman_update(&k, 1e-6 * rng_gauss(&rng), 1);
            assert_true(k.p[0][0] > 0 && k.p[1][1] >= 0 && k.p[2][2] >= 0);
            assert_true(k.p[0][1] * k.p[0][1] <= k.p[0][0] * k.p[1][1] * (1 + 1e-9));
            for (int a = 0; a < N; a++)
                for (int b = 0; b < a; b++)
                    assert_true(fabs(k.p[a][b] - k.p[b][a]) <=
                                1e-9 * sqrt(k.p[a][a] * k.p[b][b]) + 1e-30);
        }
        assert_true(fabs(k.x) < 1e-5);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(as_the_textbook),   cmocka_unit_test(many_seconds_at_once),
        cmocka_unit_test(parts_of_a_second), cmocka_unit_test(scaled),
        cmocka_unit_test(from_nothing),      cmocka_unit_test(stays_healthy),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
