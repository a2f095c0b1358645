/* Puts load on alertik, on a bare receive loop, and on rsyslog if it is there, in turns, and prints
 * what each lost and what a line cost it. Built and run by load.sh; Linux, loopback only.
 *
 *   load ALERTIK RULES [RSYSLOGD CONFIG]
 *
 * LOAD_WATCHERS=10 has alertik loaded a second time with so many connections to its live lines, each of
 * which reads what it is sent.
 *
 * A program under load is a child that says "listening udp=ADDRESS" and, told to stop,
 * "stopped lines=… evicted=… kernel_drops=…". The bare loop says the same. rsyslog says nothing:
 * its port is chosen here, and what the kernel dropped is read from /proc/net/udp. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <err.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#ifndef SO_RCVBUFFORCE
#define SO_RCVBUFFORCE 33
#endif
#define SO_MEMINFO_ 55 /* asm-generic/socket.h; index 8 is SK_MEMINFO_DROPS */

enum {
	LINE_BYTES = 85,
	RATE = 100000,           /* lines a second, evenly spaced */
	PACED_LINES = 5 * RATE,
	FLAT_OUT_LINES = 50000,
	ROUNDS = 3,
	BATCH = 32,              /* datagrams a call, as alertik receives them */
	RECEIVE_BYTES = 4 << 20,
	LATENCY_DATAGRAMS = 300,
	STARTS = 20,
	DEADLINE_S = 10,         /* for anything a child should do */
	WATCHERS_MAX = 16,       /* alertik lets no more in */
};

static const char QUIET_LINE[] =
	"firewall,info input: in:ether1 out:(unknown 0), proto UDP, 192.0.2.77:5678->192.0.2.9";
static const char ALERT_LINE[] =
	"system,error,critical login failure for user guest from 192.168.88.17 via ssh";

enum kind { ALERTIK, BARE, WATCHED, RSYSLOG, KINDS };
static const char *const NAMES[KINDS] = { "alertik", "bare recvmmsg loop", "alertik, watched", "rsyslog" };

struct child {
	pid_t pid;
	int output; /* its stdout and stderr; -1 when they were thrown away */
	int port;
	clockid_t cpu;
	double started_ms; /* from fork to "listening" */
	char log[65536];
	size_t log_len;
};

struct result {
	double cpu_us; /* a line that was received */
	long sent, received, evicted, kernel_drops;
};

/* One that is shown lines, as a page is. */
struct watcher {
	int fd;
	char text[1 << 16]; /* what came, from the last whole event on */
	size_t length;
	long shown, left_out;
};

static struct watcher watchers[WATCHERS_MAX];
static int watcher_count, watching; /* wanted; connected now */
static long shown_least, shown_most, told_least; /* of all rounds */

static const char *alertik, *rules, *rsyslogd, *rsyslog_config;
static cpu_set_t cpus_of_child;
static int has_two_cpus;

static double seconds(clockid_t clock)
{
	struct timespec t;
	if (clock_gettime(clock, &t))
		return -1;
	return t.tv_sec + t.tv_nsec / 1e9;
}

static double now(void) { return seconds(CLOCK_MONOTONIC); }

static void nap_ms(double ms)
{
	struct timespec t = { (time_t)(ms / 1e3), (long)(ms * 1e6) % 1000000000 };
	nanosleep(&t, NULL);
}

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

static double median(double *of, int count)
{
	qsort(of, count, sizeof *of, by_size);
	return of[count / 2];
}

static struct sockaddr_in loopback(int port)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(port) };
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	return address;
}

/* A socket bound to a free port of the loopback. */
static int bound(int type, int *port)
{
	struct sockaddr_in address = loopback(0);
	socklen_t size = sizeof address;
	int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);
	if (fd < 0 || bind(fd, (void *)&address, size) || getsockname(fd, (void *)&address, &size))
		err(1, "cannot bind");
	*port = ntohs(address.sin_port);
	return fd;
}

static volatile sig_atomic_t is_over;

static void end(int signal)
{
	(void)signal;
	is_over = 1;
}

/* The least that a receiver can do. */
static void bare_loop(void)
{
	static char buffers[BATCH][4098];
	static struct sockaddr_storage senders[BATCH];
	struct iovec slices[BATCH];
	struct mmsghdr headers[BATCH];
	unsigned meminfo[9] = { 0 };
	socklen_t size = sizeof meminfo;
	struct sigaction action = { .sa_handler = end }; /* no SA_RESTART: it must end the wait */
	int port, wanted = RECEIVE_BYTES;
	int fd = bound(SOCK_DGRAM, &port);
	long lines = 0;

	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &wanted, sizeof wanted))
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &wanted, sizeof wanted);
	sigaction(SIGTERM, &action, NULL);
	memset(headers, 0, sizeof headers);
	for (int i = 0; i < BATCH; i++) {
		slices[i] = (struct iovec){ buffers[i], sizeof buffers[i] };
		headers[i].msg_hdr.msg_iov = &slices[i];
		headers[i].msg_hdr.msg_iovlen = 1;
		headers[i].msg_hdr.msg_name = &senders[i];
	}
	dprintf(1, "listening udp=127.0.0.1:%d\n", port);
	while (!is_over) {
		for (int i = 0; i < BATCH; i++)
			headers[i].msg_hdr.msg_namelen = sizeof senders[i];
		int count = recvmmsg(fd, headers, BATCH, MSG_WAITFORONE, NULL);
		if (count > 0)
			lines += count;
	}
	getsockopt(fd, SOL_SOCKET, SO_MEMINFO_, meminfo, &size);
	dprintf(1, "stopped lines=%ld evicted=0 kernel_drops=%u\n", lines, meminfo[8]);
	_exit(0);
}

/* Reads what `child` says until it has said `text`; where that is, or NULL. */
static char *await_text(struct child *child, const char *text)
{
	double deadline = now() + DEADLINE_S;
	for (;;) {
		char *found = strstr(child->log, text);
		if (found && strchr(found, '\n'))
			return found;
		struct pollfd ready = { child->output, POLLIN, 0 };
		int left_ms = (deadline - now()) * 1e3;
		if (left_ms <= 0 || poll(&ready, 1, left_ms) <= 0)
			return NULL;
		size_t room = sizeof child->log - 1 - child->log_len;
		ssize_t count = read(child->output, child->log + child->log_len, room);
		if (count <= 0)
			return NULL;
		child->log_len += count;
		child->log[child->log_len] = 0;
	}
}

static long figure(const char *text, const char *name)
{
	const char *found = text ? strstr(text, name) : NULL;
	return found ? atol(found + strlen(name)) : -1;
}

/* Counts the events that have come, and what they say was left out. Never waits. */
static void read_watcher(struct watcher *watcher)
{
	for (;;) {
		size_t room = sizeof watcher->text - 1 - watcher->length;
		ssize_t count = recv(watcher->fd, watcher->text + watcher->length, room, MSG_DONTWAIT);
		if (count < 0)
			return;
		if (count == 0)
			errx(1, "a watcher was cut off");
		watcher->length += count;
		watcher->text[watcher->length] = 0;
		char *from = watcher->text, *end;
		while ((end = strstr(from, "}\n\n"))) {
			*end = 0;
			char *figure = strstr(from, "\"left_out\":");
			/* A line, or how many were left out. */
			if (figure)
				watcher->left_out += atol(figure + strlen("\"left_out\":"));
			else
				watcher->shown++;
			from = end + 3;
		}
		watcher->length -= from - watcher->text;
		memmove(watcher->text, from, watcher->length + 1);
	}
}

static void read_watchers(void)
{
	for (int i = 0; i < watching; i++)
		read_watcher(&watchers[i]);
}

/* Connects them all, and waits until each is answered: from then on it is shown lines. */
static void watch(const struct child *child)
{
	static const char ask[] = "GET /api/lines HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n";
	const char *said = strstr(child->log, "http listening");
	struct sockaddr_in to = loopback(figure(said, "address=127.0.0.1:"));
	for (watching = 0; watching < watcher_count; watching++) {
		struct watcher *watcher = &watchers[watching];
		memset(watcher, 0, sizeof *watcher);
		watcher->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		if (watcher->fd < 0 || connect(watcher->fd, (void *)&to, sizeof to) ||
		    write(watcher->fd, ask, sizeof ask - 1) < 0)
			err(1, "cannot watch");
		if (recv(watcher->fd, watcher->text, 12, MSG_WAITALL) < 12 || memcmp(watcher->text, "HTTP/1.1 200", 12))
			errx(1, "a watcher is not let in");
	}
}

/* Ends them; what each was shown and told is among the figures of all rounds. */
static void unwatch(void)
{
	read_watchers();
	for (int i = 0; i < watching; i++) {
		const struct watcher *watcher = &watchers[i];
		if (!shown_most || watcher->shown < shown_least)
			shown_least = watcher->shown;
		if (watcher->shown > shown_most)
			shown_most = watcher->shown;
		if (!told_least || watcher->left_out < told_least)
			told_least = watcher->left_out;
		close(watcher->fd);
	}
	watching = 0;
}

/* Starts one; `variables` is a list of NAME, VALUE, …, NULL for alertik. */
static void start(struct child *child, enum kind kind, const char *const *variables)
{
	int ends[2];
	memset(child, 0, sizeof *child);
	if (kind == RSYSLOG)
		close(bound(SOCK_DGRAM, &child->port));
	if (pipe2(ends, O_CLOEXEC))
		err(1, "cannot make a pipe");
	double before = now();
	child->pid = fork();
	if (child->pid < 0)
		err(1, "cannot fork");
	if (child->pid == 0) {
		char port[8];
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (has_two_cpus)
			sched_setaffinity(0, sizeof cpus_of_child, &cpus_of_child);
		dup2(ends[1], 1);
		dup2(ends[1], 2);
		if (kind == BARE)
			bare_loop();
		if (kind == RSYSLOG) {
			snprintf(port, sizeof port, "%d", child->port);
			setenv("LOAD_PORT", port, 1);
			execl(rsyslogd, rsyslogd, "-n", "-f", rsyslog_config, "-i", "NONE", (char *)NULL);
			err(1, "cannot run %s", rsyslogd);
		}
		clearenv();
		setenv("SYSLOG_LISTEN", "127.0.0.1:0", 1);
		for (; *variables; variables += 2)
			setenv(variables[0], variables[1], 1);
		execl(alertik, alertik, (char *)NULL);
		err(1, "cannot run %s", alertik);
	}
	close(ends[1]);
	child->output = ends[0];
	if (clock_getcpuclockid(child->pid, &child->cpu))
		errx(1, "no CPU clock");
	if (kind == RSYSLOG) {
		nap_ms(1000);
		return;
	}
	const char *said = await_text(child, "listening udp=");
	child->started_ms = (now() - before) * 1e3;
	child->port = figure(said, "udp=127.0.0.1:");
	if (child->port <= 0)
		errx(1, "%s does not listen:\n%s", NAMES[kind], child->log);
}

/* What the kernel dropped at a port: the last column of /proc/net/udp. */
static long dropped_at(int port)
{
	char line[512];
	long drops = -1;
	unsigned local;
	int read_to;
	FILE *table = fopen("/proc/net/udp", "r");
	while (table && fgets(line, sizeof line, table)) {
		if (sscanf(line, " %*d: %*x:%x %n", &local, &read_to) == 1 && (int)local == port) {
			char *end = line + strlen(line);
			while (end > line && (end[-1] == ' ' || end[-1] == '\n'))
				*--end = 0;
			drops = atol(strrchr(line, ' '));
		}
	}
	if (table)
		fclose(table);
	return drops;
}

static void stop(struct child *child, enum kind kind, struct result *result)
{
	if (kind == RSYSLOG && result) {
		result->kernel_drops = dropped_at(child->port);
		result->received = result->sent - result->kernel_drops;
	}
	kill(child->pid, SIGTERM);
	if (kind != RSYSLOG) {
		const char *said = await_text(child, "stopped lines=");
		if (!said)
			errx(1, "%s does not stop:\n%s", NAMES[kind], child->log);
		if (result) {
			result->received = figure(said, "lines=");
			result->evicted = figure(said, "evicted=");
			result->kernel_drops = figure(said, "kernel_drops=");
		}
	}
	nap_ms(kind == RSYSLOG ? 300 : 0);
	kill(child->pid, kind == RSYSLOG ? SIGKILL : 0);
	waitpid(child->pid, NULL, 0);
	close(child->output);
}

/* Sends `count` lines, `rate` a second (0: as fast as it goes), and waits until the child has
 * nothing left to do. Evenly spaced, because that is the dearest: every line may wake somebody. */
static void send_lines(const struct child *child, long count, long rate)
{
	struct sockaddr_in to = loopback(child->port);
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || connect(fd, (void *)&to, sizeof to))
		err(1, "cannot connect");
	double begin = now();
	for (long i = 0; i < count; i++) {
		while (rate && now() < begin + (double)i / rate)
			;
		if (i % 1024 == 0)
			read_watchers();
		if (send(fd, QUIET_LINE, LINE_BYTES, 0) < 0)
			err(1, "cannot send");
	}
	double took = now() - begin;
	if (rate && took > 1.05 * count / rate)
		printf("  (the sender managed only %.0f lines a second)\n", count / took);
	close(fd);
	double used, deadline = now() + DEADLINE_S;
	do {
		used = seconds(child->cpu);
		nap_ms(100);
		read_watchers();
	} while (seconds(child->cpu) - used > 0.001 && now() < deadline);
}

static void measure(enum kind kind, long count, long rate, struct result *result)
{
	struct child child;
	const char *variables[] = { "ALERTIK_CONFIG", rules, "HTTP_LISTEN", "127.0.0.1:0", NULL };
	start(&child, kind, variables);
	if (kind == WATCHED)
		watch(&child);
	nap_ms(200);
	double before = seconds(child.cpu);
	send_lines(&child, count, rate);
	double used = seconds(child.cpu) - before;
	result->sent = count;
	unwatch();
	stop(&child, kind, result);
	result->cpu_us = result->received > 0 ? used * 1e6 / result->received : 0;
}

static int by_cost(const void *a, const void *b)
{
	const struct result *x = a, *y = b;
	return (x->cpu_us > y->cpu_us) - (x->cpu_us < y->cpu_us);
}

static void load(const char *title, long count, long rate)
{
	struct result results[KINDS][ROUNDS] = { 0 };
	double cost[KINDS];
	int kinds = rsyslogd ? KINDS : RSYSLOG;

	shown_least = shown_most = told_least = 0;
	for (int round = 0; round < ROUNDS; round++)
		for (int kind = 0; kind < kinds; kind++)
			if (kind != WATCHED || watcher_count)
				measure(kind, count, rate, &results[kind][round]);
	printf("\n%s, %d rounds in turns; the losses are of all rounds\n", title, ROUNDS);
	printf("  %-20s %9s %9s %9s %9s  %s\n", "", "sent", "received", "in ring", "in kernel", "CPU us/line: median (all)");
	for (int kind = 0; kind < kinds; kind++) {
		struct result sum = { 0 };
		if (kind == WATCHED && !watcher_count)
			continue;
		for (int round = 0; round < ROUNDS; round++) {
			sum.sent += results[kind][round].sent;
			sum.received += results[kind][round].received;
			sum.evicted += results[kind][round].evicted;
			sum.kernel_drops += results[kind][round].kernel_drops;
		}
		qsort(results[kind], ROUNDS, sizeof results[kind][0], by_cost);
		cost[kind] = results[kind][ROUNDS / 2].cpu_us;
		printf("  %-20s %9ld %9ld %9ld %9ld  %.2f (", NAMES[kind], sum.sent, sum.received, sum.evicted,
		       sum.kernel_drops, cost[kind]);
		for (int round = 0; round < ROUNDS; round++)
			printf("%s%.2f", round ? " " : "", results[kind][round].cpu_us);
		printf(")\n");
	}
	printf("  budget 3 us a line: %.2f; goal 2 x the bare loop: %.2f x\n", cost[ALERTIK], cost[ALERTIK] / cost[BARE]);
	if (watcher_count)
		printf("  each of %d that watched was shown %ld to %ld lines a round, and told of at least %ld left out\n",
		       watcher_count, shown_least, shown_most, told_least);
	if (rsyslogd)
		printf("  budget 1/4 of rsyslog: 1/%.1f\n", cost[RSYSLOG] / cost[ALERTIK]);
}

/* Reads one request up to the end of its body, and takes it. */
static int answer(int fd)
{
	char request[16384];
	size_t length = 0;
	for (;;) {
		ssize_t count = read(fd, request + length, sizeof request - 1 - length);
		if (count <= 0)
			return 0;
		length += count;
		request[length] = 0;
		const char *body = strstr(request, "\r\n\r\n");
		const char *size = strcasestr(request, "content-length:");
		if (body && size && length >= (size_t)(body + 4 - request) + atol(size + 15))
			break;
	}
	static const char taken[] = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
	return write(fd, taken, sizeof taken - 1) > 0;
}

/* From a datagram to the first byte of its request, one at a time. */
static void latency(void)
{
	struct child child;
	char url[64];
	double took[LATENCY_DATAGRAMS];
	int port, connection = -1, listener = bound(SOCK_STREAM, &port);
	int sender = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	snprintf(url, sizeof url, "http://127.0.0.1:%d/", port);
	/* A rule of its own: the built-in ones would hold back what repeats. */
	const char *variables[] = { "GENERIC1_WEBHOOK_URL", url, "HTTP_LISTEN", "127.0.0.1:0",
				    "ALERTS_PER_HOUR_MAX", "off", "EVENT0_NOTIFIER", "Generic1",
				    "EVENT0_MATCH_TYPE", "substr", "EVENT0_MATCH_STR", "login failure for user",
				    "EVENT0_MASK_MSG", "failure", NULL };
	if (listen(listener, 8))
		err(1, "cannot listen");
	start(&child, ALERTIK, variables);
	struct sockaddr_in to = loopback(child.port);
	for (int i = 0; i < LATENCY_DATAGRAMS; i++) {
		nap_ms(3); /* so that it has gone back to wait */
		double begin = now();
		sendto(sender, ALERT_LINE, sizeof ALERT_LINE - 1, 0, (void *)&to, sizeof to);
		for (;;) {
			struct pollfd ready[2] = { { listener, POLLIN, 0 }, { connection, POLLIN, 0 } };
			if (poll(ready, 2, DEADLINE_S * 1000) <= 0)
				errx(1, "no request came");
			if (connection >= 0 && ready[1].revents) {
				took[i] = (now() - begin) * 1e3;
				if (answer(connection))
					break;
				close(connection); /* it was the end of the connection, not a request */
				connection = -1;
			} else if (ready[0].revents) {
				if (connection >= 0)
					close(connection);
				connection = accept(listener, NULL, NULL);
			}
		}
	}
	stop(&child, ALERTIK, NULL);
	printf("  %-52s %8.2f ms  %s\n", "datagram to first byte of the request, median of 300",
	       median(took, LATENCY_DATAGRAMS), "2 ms");
	printf("  %-52s %8.2f ms\n", "  and of 99 in 100 at most", took[LATENCY_DATAGRAMS * 99 / 100]);
}

static void start_time(void)
{
	struct child child;
	double took[STARTS];
	const char *variables[] = { "ALERTIK_CONFIG", rules, "HTTP_LISTEN", "127.0.0.1:0", NULL };
	for (int i = 0; i < STARTS; i++) {
		start(&child, ALERTIK, variables);
		took[i] = child.started_ms;
		stop(&child, ALERTIK, NULL);
	}
	printf("  %-52s %8.2f ms  %s\n", "start to listening, median of 20", median(took, STARTS), "50 ms");
}

/* The sender gets a CPU and the receivers another: "on one core" is the budget's word. */
static void share_cpus(void)
{
	cpu_set_t mine;
	int taken = 0;
	CPU_ZERO(&cpus_of_child);
	if (getenv("LOAD_UNPINNED") || sched_getaffinity(0, sizeof mine, &mine) || CPU_COUNT(&mine) < 2)
		return;
	has_two_cpus = 1;
	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
		if (!CPU_ISSET(cpu, &mine))
			continue;
		if (taken++ == 1)
			CPU_SET(cpu, &cpus_of_child);
		if (taken > 1)
			CPU_CLR(cpu, &mine);
	}
	sched_setaffinity(0, sizeof mine, &mine);
}

int main(int count, char **arguments)
{
	_Static_assert(sizeof QUIET_LINE == LINE_BYTES + 1, "the budget is for lines of 85 bytes");
	if (count != 3 && count != 5)
		errx(2, "usage: load ALERTIK RULES [RSYSLOGD CONFIG]");
	alertik = arguments[1];
	rules = arguments[2];
	if (count == 5) {
		rsyslogd = arguments[3];
		rsyslog_config = arguments[4];
	}
	if (getenv("LOAD_WATCHERS"))
		watcher_count = atoi(getenv("LOAD_WATCHERS"));
	if (watcher_count < 0 || watcher_count > WATCHERS_MAX)
		errx(2, "LOAD_WATCHERS: at most %d", WATCHERS_MAX);
	setlinebuf(stdout);
	signal(SIGPIPE, SIG_IGN);
	share_cpus();
	printf("lines of %d bytes, 15 rules that do not match; %s\n", LINE_BYTES,
	       has_two_cpus ? "the sender on one CPU, the receiver on another" : "CPUs shared");
	load("100,000 lines a second for 5 s", PACED_LINES, RATE);
	load("50,000 lines back to back", FLAT_OUT_LINES, 0);
	printf("\n  %-52s %8s     %s\n", "", "", "budget");
	latency();
	start_time();
	return 0;
}
