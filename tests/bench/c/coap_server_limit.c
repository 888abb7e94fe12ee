/* The least that a CoAP server can cost: every confirmable POST is answered with a piggybacked 2.01 from the address
 * that it was sent to.
 *
 *   coap_server_limit PORT EXCHANGES IN_FLIGHT
 *
 * PORT 0: any free one; it is said on standard error ("listening 12345"). IN_FLIGHT is taken for symmetry with the
 * client. Ends after EXCHANGES answers, 3 s of silence once it has begun, 30 s of silence before, or 120 s. Prints
 * one JSON line; the wall time counts from the first to the last request. */
#include "coap_common.h"

#define USAGE "PORT EXCHANGES IN_FLIGHT"

static struct batch in, out;

/* Fills slot `to` of `out` with the answer to slot `from` of `in`; 0: it deserves none. */
static int answer(int from, int to) {
    const uint8_t *m = in.slots[from];
    unsigned token = m[0] & 15;
    if (in.headers[from].msg_len < 4 + token || token > 8 || m[0] >> 4 != 4 || m[1] != 0x02) return 0;
    uint8_t *r = out.slots[to];
    r[0] = 0x60 | token; /* version 1, ACK */
    r[1] = 0x41;         /* 2.01 */
    memcpy(r + 2, m + 2, 2 + token);
    out.vectors[to].iov_len = 4 + token;
    out.names[to] = in.names[from];
    struct in_pktinfo *info = batch_info(&out, to);
    info->ipi_ifindex = 0;
    info->ipi_spec_dst = batch_info(&in, from)->ipi_addr;
    return 1;
}

int main(int argc, char **argv) {
    int port = (int)argument(argc, argv, 1, USAGE, 0, 65535);
    long exchanges = argument(argc, argv, 2, USAGE, 1, 2000000000);
    argument(argc, argv, 3, USAGE, 1, 65536);
    int fd = open_udp("127.0.0.1", port);
    struct sockaddr_in where;
    socklen_t size = sizeof where;
    getsockname(fd, (struct sockaddr *)&where, &size);
    fprintf(stderr, "listening %d\n", ntohs(where.sin_port));
    batch_init(&in);
    batch_init(&out);
    long answered = 0;
    double born = seconds(), begin = 0, last = 0, cpu = 0;
    while (answered < exchanges && seconds() - born < LIMIT_S) {
        struct pollfd wait = {.fd = fd, .events = POLLIN};
        if (poll(&wait, 1, begin ? 3000 : 30000) == 0) break;
        if (!begin) begin = seconds(), cpu = cpu_seconds();
        int came = receive(fd, &in), count = 0;
        for (int i = 0; i < came; i++) count += answer(i, count);
        if (transmit(fd, &out, count) < count) return 1;
        answered += count;
        last = seconds();
    }
    printf("{\"program\":\"coap_server_limit\",\"exchanges\":%ld,\"wall_s\":%.6f,\"cpu_s\":%.6f}\n", answered, last - begin,
           cpu_seconds() - cpu);
    return answered >= exchanges ? 0 : 1;
}
