/* What both limit programs share: one UDP socket with IP_PKTINFO and a batch of 64 datagrams in each direction. */
#ifndef COAP_COMMON_H
#define COAP_COMMON_H
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define BATCH 64
#define SLOT 256
#define BUFFER_BYTES (4 * 1024 * 1024)
#define LIMIT_S 120.0 /* nothing runs longer than this */

union control {
    char bytes[CMSG_SPACE(sizeof(struct in_pktinfo))];
    struct cmsghdr align;
};

struct batch {
    struct mmsghdr headers[BATCH];
    struct iovec vectors[BATCH];
    struct sockaddr_in names[BATCH];
    union control controls[BATCH];
    uint8_t slots[BATCH][SLOT];
};

static void batch_init(struct batch *b) {
    memset(b, 0, sizeof *b);
    for (int i = 0; i < BATCH; i++) {
        struct msghdr *h = &b->headers[i].msg_hdr;
        b->vectors[i].iov_base = b->slots[i];
        b->vectors[i].iov_len = SLOT;
        b->names[i].sin_family = AF_INET;
        h->msg_name = &b->names[i];
        h->msg_namelen = sizeof b->names[i];
        h->msg_iov = &b->vectors[i];
        h->msg_iovlen = 1;
        h->msg_control = b->controls[i].bytes;
        h->msg_controllen = sizeof b->controls[i].bytes;
        struct cmsghdr *c = CMSG_FIRSTHDR(h);
        c->cmsg_level = IPPROTO_IP;
        c->cmsg_type = IP_PKTINFO;
        c->cmsg_len = CMSG_LEN(sizeof(struct in_pktinfo));
    }
}

static struct in_pktinfo *batch_info(struct batch *b, int i) {
    return (struct in_pktinfo *)CMSG_DATA((struct cmsghdr *)b->controls[i].bytes);
}

static int receive(int fd, struct batch *b) {
    for (int i = 0; i < BATCH; i++) {
        b->headers[i].msg_hdr.msg_namelen = sizeof b->names[i];
        b->headers[i].msg_hdr.msg_controllen = sizeof b->controls[i].bytes;
    }
    return recvmmsg(fd, b->headers, BATCH, MSG_DONTWAIT, NULL);
}

/* Sends the first `count` slots; waits at most a second for room. Returns how many went. */
static int transmit(int fd, struct batch *b, int count) {
    int at = 0;
    while (at < count) {
        int went = sendmmsg(fd, b->headers + at, count - at, MSG_DONTWAIT);
        if (went > 0) {
            at += went;
        } else if (errno == EAGAIN) {
            struct pollfd wait = {.fd = fd, .events = POLLOUT};
            if (poll(&wait, 1, 1000) <= 0) break;
        } else if (errno != EINTR) {
            perror("sendmmsg");
            break;
        }
    }
    return at;
}

static int open_udp(const char *host, int port) {
    int fd = socket(AF_INET, SOCK_DGRAM, 0), on = 1, size = BUFFER_BYTES;
    struct sockaddr_in where = {.sin_family = AF_INET, .sin_port = htons(port)};
    inet_pton(AF_INET, host, &where.sin_addr);
    if (fd < 0 || bind(fd, (struct sockaddr *)&where, sizeof where) < 0) {
        perror("cannot open the UDP port");
        exit(1);
    }
    setsockopt(fd, IPPROTO_IP, IP_PKTINFO, &on, sizeof on);
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
    return fd;
}

static double seconds(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec * 1e-9;
}

static double cpu_seconds(void) {
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    return u.ru_utime.tv_sec + u.ru_stime.tv_sec + (u.ru_utime.tv_usec + u.ru_stime.tv_usec) * 1e-6;
}

static long argument(int argc, char **argv, int at, const char *usage, long low, long high) {
    char *end = NULL;
    long value = at < argc ? strtol(argv[at], &end, 10) : -1;
    if (at >= argc || *argv[at] == 0 || *end || value < low || value > high) {
        fprintf(stderr, "usage: %s %s\n", argv[0], usage);
        exit(2);
    }
    return value;
}
#endif
