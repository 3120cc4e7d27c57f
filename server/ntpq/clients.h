/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_SERVER_NTPQ_CLIENTS_H
#define TIMEBALL_SERVER_NTPQ_CLIENTS_H

#include "server/ntpq/ntpq.h"

/*
 * The answer to READ_MRU: the clients heard last, the oldest of them first, as "addr.N=, last.N=,
 * first.N=, ct.N=, mv.N=, rs.N=, dr.N=", and "now=" as the mark that the list is at its end.
 * Of the request's words, `nonce` must be there, `recent` and `limit` say how many clients, `frags`
 * in how many packets; what else narrows the list is not followed. NTPQ_ERROR_VALUE: no nonce that
 * is good.
 */
enum ntpq_error ntpq_clients_put(const struct ntpq_world *w, const union address *from,
                                 const char *data, size_t size, struct ntpq_text *t);

#endif
