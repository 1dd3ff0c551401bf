// SPDX-License-Identifier: MIT
/*
 * The reports of one run, on their way from the program to the user.
 *
 *	program --socket--> reader thread --queue--> writer thread --> report
 *
 * The reader does nothing but read, into memory without a limit, so that no
 * program ever waits for us: not while a name is looked up, which may mean
 * megabytes of debug information, and not while the user's pager waits.
 *
 * The socket is one of packets (SOCK_SEQPACKET), which has over a pipe that
 * every write comes with the process that made it, so that lines of several
 * processes are put together right; and that a descendant which writes when we
 * are gone gets an error, not SIGPIPE.
 *
 * A process has the files that it was started with, so a file that changed
 * since then is not asked for names. When it was started /proc says, as long
 * as the process is there; afterwards the start of the run has to do.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "kmm.h"
#include "report.h"
#include "run.h"

#define PACKET_SIZE (1 << 18)	/* more than a socket takes at once */
/* What a socket may hold when the program ends. Its descendants may write on
 * for ever, but are then not listened to. */
#define REST_SIZE (1 << 20)

struct packet {
	struct packet *next;
	pid_t from;
	struct timespec started;	/* its process, or the run */
	size_t len;
	char text[];
};

/* What one process writes. */
struct stream {
	struct stream *next;
	struct run_report *owner;
	pid_t from;
	struct timespec started;
	struct report report;
};

struct run_report {
	struct run *run;
	int socket, program_fd;
	int stop;		/* an eventfd: the program has ended */
	struct timespec started;
	pthread_t reader, writer;

	pthread_mutex_t lock;	/* of the queue */
	pthread_cond_t more;
	struct packet *first, **last;
	bool complete;		/* no packet will follow */

	/* The writer's alone, until it has been joined. */
	struct symbols *symbols;
	struct stream *streams;
	unsigned int nr_bugs;
};

/* The reader --------------------------------------------------------------- */

/* When @pid was started at the latest, from the whole ticks since boot that
 * /proc/PID/stat has. So what happens to files in the first tick (10 ms) is
 * not noticed, but what was made just before is not mistaken. */
static bool process_started(pid_t pid, struct timespec *started)
{
	unsigned long long ticks, now;
	struct timespec real, boot;
	long hz = sysconf(_SC_CLK_TCK), nsec;
	char path[64], line[1024], *field;
	ssize_t len;
	int fd, i;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	len = read(fd, line, sizeof(line) - 1);
	close(fd);
	line[len > 0 ? len : 0] = '\0';
	/* Field 2 is a name in parentheses, which may hold anything; 22 it is. */
	field = strrchr(line, ')');
	for (i = 2; field && i < 22; i++)
		field = strchr(field + 1, ' ');
	if (!field)
		return false;
	ticks = strtoull(field, NULL, 10) + 1;

	clock_gettime(CLOCK_BOOTTIME, &boot);
	clock_gettime(CLOCK_REALTIME, &real);
	now = (unsigned long long)boot.tv_sec * 1000000000 +
	      (unsigned long long)boot.tv_nsec;
	nsec = (long)(now - ticks * (1000000000 / (unsigned long)hz));
	started->tv_sec = real.tv_sec - nsec / 1000000000;
	started->tv_nsec = real.tv_nsec - nsec % 1000000000;
	if (started->tv_nsec < 0) {
		started->tv_nsec += 1000000000;
		started->tv_sec--;
	}
	return true;
}

static void queue_packet(struct run_report *report, pid_t from,
			 const char *text, size_t len)
{
	struct packet *packet = xcalloc(1, sizeof(*packet) + len);

	packet->from = from;
	packet->len = len;
	memcpy(packet->text, text, len);
	if (!process_started(from, &packet->started))
		packet->started = report->started;

	pthread_mutex_lock(&report->lock);
	*report->last = packet;
	report->last = &packet->next;
	pthread_cond_signal(&report->more);
	pthread_mutex_unlock(&report->lock);
}

static pid_t sender(struct msghdr *msg)
{
	struct cmsghdr *cmsg;
	struct ucred cred;

	for (cmsg = CMSG_FIRSTHDR(msg); cmsg; cmsg = CMSG_NXTHDR(msg, cmsg)) {
		if (cmsg->cmsg_level != SOL_SOCKET ||
		    cmsg->cmsg_type != SCM_CREDENTIALS)
			continue;
		memcpy(&cred, CMSG_DATA(cmsg), sizeof(cred));
		return cred.pid;
	}
	return 0;
}

/* One packet; 0 at the end of all, or -1 if there is none now. */
static ssize_t read_packet(struct run_report *report, char *text)
{
	char control[CMSG_SPACE(sizeof(struct ucred))];
	struct iovec iov = { text, PACKET_SIZE };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	ssize_t len = recvmsg(report->socket, &msg, MSG_DONTWAIT);

	if (len > 0)
		queue_packet(report, sender(&msg), text, (size_t)len);
	return len;
}

static void *read_all(void *arg)
{
	struct run_report *report = arg;
	struct pollfd fds[] = {
		{ .fd = report->socket, .events = POLLIN },
		{ .fd = report->stop, .events = POLLIN },
	};
	char *text = xcalloc(1, PACKET_SIZE);
	size_t rest = REST_SIZE;
	ssize_t len;

	while (poll(fds, 2, -1) >= 0 || errno == EINTR) {
		len = read_packet(report, text);
		if (!len)
			break;
		if (!(fds[1].revents & POLLIN))
			continue;
		if (len < 0 || (size_t)len > rest)
			break;
		rest -= (size_t)len;
	}
	free(text);
	pthread_mutex_lock(&report->lock);
	report->complete = true;
	pthread_cond_signal(&report->more);
	pthread_mutex_unlock(&report->lock);
	return NULL;
}

/* The writer --------------------------------------------------------------- */

static bool see_line(void *data, const char *line, size_t len)
{
	struct stream *stream = data;
	struct run *run = stream->owner->run;
	struct run_hook *hook;

	for (hook = run->hooks; hook; hook = hook->next)
		if (hook->on_line &&
		    hook->on_line(run, stream->from, line, len, hook->data))
			return true;
	if (len > 4 && (!memcmp(line, "BUG ", 4) || !memcmp(line, "BUG:", 4)))
		stream->owner->nr_bugs++;
	return false;
}

static struct stream *find_stream(struct run_report *report,
				  const struct packet *packet)
{
	struct stream *stream;

	for (stream = report->streams; stream; stream = stream->next)
		if (stream->from == packet->from)
			return stream;
	stream = xcalloc(1, sizeof(*stream));
	stream->owner = report;
	stream->from = packet->from;
	stream->started = packet->started;
	stream->report = (struct report){
		.symbols = report->symbols,
		.not_after = &stream->started,
		.out = report->run->report,
		.filter = see_line,
		.data = stream,
	};
	stream->next = report->streams;
	report->streams = stream;
	return stream;
}

static struct packet *next_packet(struct run_report *report)
{
	struct packet *packet;

	pthread_mutex_lock(&report->lock);
	while (!report->first && !report->complete)
		pthread_cond_wait(&report->more, &report->lock);
	packet = report->first;
	if (packet) {
		report->first = packet->next;
		if (!report->first)
			report->last = &report->first;
	}
	pthread_mutex_unlock(&report->lock);
	return packet;
}

static void *write_all(void *arg)
{
	struct run_report *report = arg;
	struct packet *packet;

	while ((packet = next_packet(report)) != NULL) {
		report_add(&find_stream(report, packet)->report, packet->text,
			   packet->len);
		fflush(report->run->report);
		free(packet);
	}
	return NULL;
}

/* Start and end ------------------------------------------------------------ */

/* The highest free number: out of the way of shells and of programs that count
 * on small ones. */
int run_move_fd(int fd)
{
	struct rlimit limit = { 1024, 1024 };
	int high, got;

	getrlimit(RLIMIT_NOFILE, &limit);
	high = limit.rlim_cur < 1024 ? (int)limit.rlim_cur - 1 : 1023;
	while (high > fd && fcntl(high, F_GETFD) >= 0)
		high--;
	got = fcntl(fd, F_DUPFD_CLOEXEC, high);
	if (got < 0)
		return fd;
	close(fd);
	return got;
}

struct run_report *run_report_start(struct run *run, int *program_fd)
{
	struct run_report *report = xcalloc(1, sizeof(*report));
	int fds[2], on = 1;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds))
		error(EXIT_FAILED, errno, "cannot make a socket for reports");
	setsockopt(fds[0], SOL_SOCKET, SO_PASSCRED, &on, sizeof(on));
	report->run = run;
	report->socket = fds[0];
	report->program_fd = run_move_fd(fds[1]);
	report->stop = eventfd(0, EFD_CLOEXEC);
	report->last = &report->first;
	report->symbols = symbols_of_files();
	pthread_mutex_init(&report->lock, NULL);
	pthread_cond_init(&report->more, NULL);
	clock_gettime(CLOCK_REALTIME, &report->started);
	*program_fd = report->program_fd;
	return report;
}

void run_report_started(struct run_report *report)
{
	close(report->program_fd);
	if (report->stop < 0 ||
	    pthread_create(&report->reader, NULL, read_all, report) ||
	    pthread_create(&report->writer, NULL, write_all, report))
		error(EXIT_FAILED, errno, "cannot start a thread");
}

unsigned int run_report_finish(struct run_report *report)
{
	unsigned int nr_bugs;
	struct stream *stream;

	if (!report->run->follow)
		eventfd_write(report->stop, 1);
	pthread_join(report->reader, NULL);
	pthread_join(report->writer, NULL);
	while ((stream = report->streams) != NULL) {
		report->streams = stream->next;
		report_end(&stream->report);
		free(stream);
	}
	fflush(report->run->report);
	nr_bugs = report->nr_bugs;
	symbols_close(report->symbols);
	pthread_mutex_destroy(&report->lock);
	pthread_cond_destroy(&report->more);
	close(report->socket);
	close(report->stop);
	free(report);
	return nr_bugs;
}
