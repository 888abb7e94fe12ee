/* The least that a CoAP client for many devices can cost: confirmable POSTs with 32 bytes of payload from up to
 * 65536 addresses 127.64.x.y over one socket, each answer matched by device, message id and token.
 *
 *   coap_client_limit PORT EXCHANGES IN_FLIGHT
 *
 * IN_FLIGHT devices have one exchange each open. If nothing comes for 500 ms, what is open counts as lost and those
 * devices go on. Prints one JSON line; ends after 120 s at the latest. */
#include "coap_common.h"

#define USAGE "PORT EXCHANGES IN_FLIGHT(1-65536)"
#define PATH "\xb6upload"
#define SILENCE_MS 500

struct device {
    uint16_t id;
    uint16_t open;
};

static struct batch in, out;
static struct device devices[65536];
static uint32_t ready[65536]; /* devices that may send, a ring */
static uint32_t ready_head, ready_count;

static void put(uint32_t device) { ready[(ready_head + ready_count++) & 65535] = device; }

static uint32_t take(void) {
    uint32_t device = ready[ready_head++ & 65535];
    ready_count--;
    return device;
}

static void post(int slot, uint32_t n, const struct sockaddr_in *server) {
    struct device *d = &devices[n];
    uint8_t *m = out.slots[slot];
    d->id++;
    d->open = 1;
    m[0] = 0x44; /* version 1, CON, token of 4 bytes */
    m[1] = 0x02; /* POST */
    m[2] = d->id >> 8;
    m[3] = d->id & 255;
    memcpy(m + 4, &n, 2);
    memcpy(m + 6, &d->id, 2);
    memcpy(m + 8, PATH "\xff", 8);
    memset(m + 16, 'x', 32);
    out.vectors[slot].iov_len = 48;
    out.names[slot].sin_addr = server->sin_addr;
    out.names[slot].sin_port = server->sin_port;
    struct in_pktinfo *info = batch_info(&out, slot);
    info->ipi_ifindex = 0;
    info->ipi_spec_dst.s_addr = htonl(0x7f400000u + 1 + n);
}

/* Whether slot `slot` answers the open exchange of the device that it was sent to. */
static int answers(int slot) {
    const uint8_t *m = in.slots[slot];
    uint32_t n = ntohl(batch_info(&in, slot)->ipi_addr.s_addr) - 0x7f400001u;
    if (in.headers[slot].msg_len < 8 || n > 65535 || !devices[n].open) return 0;
    struct device *d = &devices[n];
    uint16_t id = m[2] << 8 | m[3];
    if (m[0] != 0x64 || m[1] >> 5 != 2 || id != d->id || memcmp(m + 4, &n, 2) || memcmp(m + 6, &d->id, 2)) return 0;
    d->open = 0;
    put(n);
    return 1;
}

int main(int argc, char **argv) {
    int port = (int)argument(argc, argv, 1, USAGE, 1, 65535);
    long exchanges = argument(argc, argv, 2, USAGE, 1, 2000000000), in_flight = argument(argc, argv, 3, USAGE, 1, 65536);
    struct sockaddr_in server = {.sin_family = AF_INET, .sin_port = htons(port)};
    inet_pton(AF_INET, "127.0.0.1", &server.sin_addr);
    int fd = open_udp("0.0.0.0", 0);
    batch_init(&in);
    batch_init(&out);
    for (long n = 0; n < in_flight; n++) put((uint32_t)n);
    long started = 0, answered = 0, lost = 0;
    double begin = seconds(), cpu = cpu_seconds();
    while (answered + lost < exchanges && seconds() - begin < LIMIT_S) {
        while (ready_count && started < exchanges) {
            int count = 0;
            while (count < BATCH && ready_count && started + count < exchanges) post(count++, take(), &server);
            started += count;
            if (transmit(fd, &out, count) < count) return 1;
        }
        struct pollfd wait = {.fd = fd, .events = POLLIN};
        if (poll(&wait, 1, SILENCE_MS) == 0) {
            for (long n = 0; n < in_flight; n++)
                if (devices[n].open) {
                    devices[n].open = 0;
                    lost++;
                    put((uint32_t)n);
                }
            continue;
        }
        int came = receive(fd, &in);
        for (int i = 0; i < came; i++) answered += answers(i);
    }
    printf("{\"program\":\"coap_client_limit\",\"exchanges\":%ld,\"lost\":%ld,\"wall_s\":%.6f,\"cpu_s\":%.6f}\n", answered,
           lost + (started - answered - lost), seconds() - begin, cpu_seconds() - cpu);
    return answered == exchanges ? 0 : 1;
}
