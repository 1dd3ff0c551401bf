// SPDX-License-Identifier: MIT
/*
 * The page of a session, live: a small HTTP server for one browser on this host.
 *
 *	GET  /?token=T			the page
 *	POST /do?token=T&at=N		lines, instead of all entries from N on; the
 *					answer is JSON:
 *		{ "at": N, "entries": [...] }	what there is from N on now
 *		{ "at": N, "answer": entry }	nothing has changed
 *
 * Who can reach the port is not yet who may give commands: another user of the
 * host can, and so can any page that the browser shows. So each request must
 * know the token, which only the terminal has shown, and must have asked for
 * this host by one of its names: a page of another site, whose name resolves to
 * 127.0.0.1, says its own.
 *
 * There is one thread: it waits for the sockets and for ^C, and a machine of the
 * lesson is forked from it.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "../kmm/kmm.h"
#include "lab_page.h"

#ifdef HAVE_LIBMICROHTTPD

#include <dlfcn.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/random.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <unistd.h>

#define TOKEN_BYTES 16
#define MAX_BODY (1u << 20)

struct server {
	struct session *session;
	unsigned int port;
	char token[2 * TOKEN_BYTES + 1];
};

/*
 * The library is loaded when it is needed: with what it needs itself, for TLS, it
 * takes as long to load as all the rest of kmm, whose other commands want to
 * begin at once.
 */
#define LIBRARY "libmicrohttpd.so.12"
#define HTTP_FUNCTIONS(_)						\
	_(start_daemon) _(stop_daemon) _(get_fdset) _(get_timeout)	\
	_(run_from_select) _(create_response_from_buffer)		\
	_(add_response_header) _(queue_response) _(destroy_response)	\
	_(lookup_connection_value)

#define HTTP_POINTER(name) __typeof__(&MHD_##name) name;
static struct {
	HTTP_FUNCTIONS(HTTP_POINTER)
} http;

static void *find_function(void *library, const char *name)
{
	void *function = dlsym(library, name);

	if (!function)
		error(EXIT_FAILED, 0, "%s has no %s", LIBRARY, name);
	return function;
}

static void load_library(void)
{
	void *library = dlopen(LIBRARY, RTLD_NOW);

	if (!library)
		error(EXIT_FAILED, 0, "--serve needs libmicrohttpd: %s",
		      dlerror());
#define HTTP_FIND(name)							\
	*(void **)&http.name = find_function(library, "MHD_" #name);
	HTTP_FUNCTIONS(HTTP_FIND)
}

/* What a request has sent so far. */
struct body {
	char *text;
	size_t len;
	bool too_long;
};

/* Answers ------------------------------------------------------------------ */

static enum MHD_Result answer(struct MHD_Connection *c, unsigned int status,
			      const char *type, char *text, size_t len)
{
	struct MHD_Response *r =
		http.create_response_from_buffer(len, text,
						MHD_RESPMEM_MUST_FREE);
	enum MHD_Result result;

	http.add_response_header(r, "Content-Type", type);
	http.add_response_header(r, "Cache-Control", "no-store");
	http.add_response_header(r, "X-Content-Type-Options", "nosniff");
	http.add_response_header(r, "Referrer-Policy", "no-referrer");
	http.add_response_header(r, "Content-Security-Policy",
				"default-src 'none'; script-src 'unsafe-inline'; "
				"style-src 'unsafe-inline'; connect-src 'self'; "
				"frame-ancestors 'none'; base-uri 'none'; "
				"form-action 'none'");
	result = http.queue_response(c, status, r);
	http.destroy_response(r);
	return result;
}

static enum MHD_Result refuse(struct MHD_Connection *c, unsigned int status,
			      const char *why)
{
	char *text = xasprintf("%s\n", why);

	return answer(c, status, "text/plain; charset=utf-8", text, strlen(text));
}

static FILE *open_text(char **text, size_t *len)
{
	FILE *f = open_memstream(text, len);

	if (!f)
		error(EXIT_FAILED, errno, "cannot make a file in memory");
	return f;
}

static enum MHD_Result send_page(struct server *s, struct MHD_Connection *c)
{
	char *text = NULL;
	size_t len = 0;
	FILE *f = open_text(&text, &len);

	lab_page_write(f, s->session, s->token);
	fclose(f);
	return answer(c, MHD_HTTP_OK, "text/html; charset=utf-8", text, len);
}

static enum MHD_Result do_lines(struct server *s, struct MHD_Connection *c,
				const char *lines)
{
	const char *where = http.lookup_connection_value(c, MHD_GET_ARGUMENT_KIND,
							"at");
	char *text = NULL, *end;
	unsigned long at = where ? strtoul(where, &end, 10) : 0;
	struct entry typed;
	size_t len = 0;
	FILE *f;

	if (!where || !*where || *end || at > s->session->nr)
		return refuse(c, MHD_HTTP_BAD_REQUEST,
			      "at is no number of an entry");
	session_do(s->session, (unsigned int)at, lines, &typed);
	f = open_text(&text, &len);
	fprintf(f, "{\"at\":%lu,", at);
	if (typed.line) {
		fputs("\"answer\":", f);
		session_write_entry(f, &typed);
	} else {
		fputs("\"entries\":", f);
		session_write(f, s->session, (unsigned int)at);
	}
	fputc('}', f);
	fclose(f);
	entry_clear(&typed);
	return answer(c, MHD_HTTP_OK, "application/json; charset=utf-8", text,
		      len);
}

/* Requests ----------------------------------------------------------------- */

static bool is_our_name(const struct server *s, const char *host)
{
	static const char *const names[] = { "127.0.0.1", "localhost" };
	char name[32];
	size_t i;

	for (i = 0; host && i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(name, sizeof(name), "%s:%u", names[i], s->port);
		if (!strcmp(host, name))
			return true;
	}
	return false;
}

static bool is_our_origin(const struct server *s, const char *origin)
{
	/* A browser says where a page is from that sends commands. */
	return !origin || (!strncmp(origin, "http://", 7) &&
			   is_our_name(s, origin + 7));
}

/* How long it takes does not tell how much of it is right. */
static bool is_token(const struct server *s, const char *token)
{
	unsigned char differs = 0;
	size_t i;

	if (!token || strlen(token) != strlen(s->token))
		return false;
	for (i = 0; s->token[i]; i++)
		differs |= (unsigned char)(token[i] ^ s->token[i]);
	return !differs;
}

/* NULL, or why not. */
static const char *forbidden(const struct server *s, struct MHD_Connection *c)
{
	if (!is_our_name(s, http.lookup_connection_value(c, MHD_HEADER_KIND,
							"Host")))
		return "this is for 127.0.0.1 only";
	if (!is_our_origin(s, http.lookup_connection_value(c, MHD_HEADER_KIND,
							  "Origin")))
		return "this is not for pages of others";
	if (!is_token(s, http.lookup_connection_value(c, MHD_GET_ARGUMENT_KIND,
						     "token")))
		return "the token is wrong: use the address that kmm lab has printed";
	return NULL;
}

static enum MHD_Result handle(struct server *s, struct MHD_Connection *c,
			      const char *path, const char *method,
			      const struct body *body)
{
	const char *why = forbidden(s, c);

	if (why)
		return refuse(c, MHD_HTTP_FORBIDDEN, why);
	if (body->too_long)
		return refuse(c, MHD_HTTP_CONTENT_TOO_LARGE, "that is too long");
	if (!strcmp(path, "/") && !strcmp(method, "GET"))
		return send_page(s, c);
	if (!strcmp(path, "/do") && !strcmp(method, "POST"))
		return do_lines(s, c, body->text ? body->text : "");
	return refuse(c, MHD_HTTP_NOT_FOUND, "there is nothing here");
}

static void add_to_body(struct body *b, const char *data, size_t len)
{
	if (b->too_long || len > MAX_BODY - b->len) {
		b->too_long = true;
		return;
	}
	b->text = xrealloc(b->text, b->len + len + 1);
	memcpy(b->text + b->len, data, len);
	b->len += len;
	b->text[b->len] = '\0';
}

/* Called once when the headers are there, for each part of the body, and when
 * that is complete. */
static enum MHD_Result on_request(void *arg, struct MHD_Connection *c,
				  const char *path, const char *method,
				  const char *version, const char *data,
				  size_t *len, void **request)
{
	(void)version;
	if (!*request) {
		*request = xcalloc(1, sizeof(struct body));
		return MHD_YES;
	}
	if (*len) {
		add_to_body(*request, data, *len);
		*len = 0;
		return MHD_YES;
	}
	return handle(arg, c, path, method, *request);
}

static void on_end(void *arg, struct MHD_Connection *c, void **request,
		   enum MHD_RequestTerminationCode code)
{
	struct body *b = *request;

	(void)arg;
	(void)c;
	(void)code;
	if (b)
		free(b->text);
	free(b);
	*request = NULL;
}

/* The server --------------------------------------------------------------- */

static void make_token(struct server *s)
{
	unsigned char random[TOKEN_BYTES];
	size_t i;

	if (getrandom(random, sizeof(random), 0) != sizeof(random))
		error(EXIT_FAILED, errno, "no random numbers");
	for (i = 0; i < TOKEN_BYTES; i++)
		sprintf(s->token + 2 * i, "%02x", random[i]);
}

static int listen_on(struct server *s, unsigned int port)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET, .sin_port = htons((uint16_t)port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	socklen_t len = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int on = 1;

	if (fd < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) ||
	    bind(fd, (struct sockaddr *)&address, len) || listen(fd, 16) ||
	    getsockname(fd, (struct sockaddr *)&address, &len))
		error(EXIT_FAILED, errno, "cannot listen on 127.0.0.1:%u", port);
	s->port = ntohs(address.sin_port);
	return fd;
}

static volatile sig_atomic_t ended;

static void on_signal(int signal)
{
	(void)signal;
	ended = 1;
}

/* Signals arrive while it waits, and at no other time. */
static void serve(struct MHD_Daemon *daemon, const sigset_t *waiting)
{
	fd_set in, out, other;
	struct timespec time;
	MHD_UNSIGNED_LONG_LONG ms;
	bool limited;
	int max;

	while (!ended) {
		FD_ZERO(&in);
		FD_ZERO(&out);
		FD_ZERO(&other);
		max = 0;
		if (http.get_fdset(daemon, &in, &out, &other, &max) != MHD_YES)
			error(EXIT_FAILED, 0, "too many connections");
		limited = http.get_timeout(daemon, &ms) == MHD_YES;
		time.tv_sec = limited ? (time_t)(ms / 1000) : 0;
		time.tv_nsec = limited ? (long)(ms % 1000) * 1000000 : 0;
		if (pselect(max + 1, &in, &out, &other, limited ? &time : NULL,
			    waiting) < 0) {
			FD_ZERO(&in);
			FD_ZERO(&out);
			FD_ZERO(&other);
		}
		http.run_from_select(daemon, &in, &out, &other);
	}
}

/* The first entries: those of scripts, or the machine as it begins. */
static struct session *begin(const struct lab_options *options, char **names,
			     unsigned int nr)
{
	struct session *s = session_new(options);
	struct entry none;
	unsigned int i;

	for (i = 0; i < nr; i++)
		if (!session_script(s, names[i]))
			error(EXIT_FAILED, errno, "cannot read %s", names[i]);
	if (!nr)
		session_do(s, 0, "", &none);
	return s;
}

int lab_server(const struct lab_options *options, unsigned int port,
	       char **names, unsigned int nr)
{
	struct sigaction action = { .sa_handler = on_signal };
	struct server s = { .port = port };
	struct MHD_Daemon *daemon;
	sigset_t ours, waiting;
	int fd;

	load_library();
	s.session = begin(options, names, nr);
	fd = listen_on(&s, port);
	make_token(&s);
	sigemptyset(&ours);
	sigaddset(&ours, SIGINT);
	sigaddset(&ours, SIGTERM);
	sigprocmask(SIG_BLOCK, &ours, &waiting);
	sigdelset(&waiting, SIGINT);
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	daemon = http.start_daemon(MHD_NO_FLAG, 0, NULL, NULL, on_request, &s,
				  MHD_OPTION_LISTEN_SOCKET, fd,
				  MHD_OPTION_NOTIFY_COMPLETED, on_end, NULL,
				  MHD_OPTION_END);
	if (!daemon)
		error(EXIT_FAILED, errno, "cannot start a server");
	printf("http://127.0.0.1:%u/?token=%s\n", s.port, s.token);
	puts("Open this in a browser on this host; ^C ends it.");
	fflush(stdout);
	serve(daemon, &waiting);
	http.stop_daemon(daemon);
	session_destroy(s.session);
	return 0;
}

#else

int lab_server(const struct lab_options *options, unsigned int port,
	       char **names, unsigned int nr)
{
	(void)options;
	(void)port;
	(void)names;
	(void)nr;
	error(EXIT_FAILED, 0, "this kmm was built without libmicrohttpd "
	      "(package libmicrohttpd-dev), so --serve is not in it; --html is");
	return EXIT_FAILED;
}

#endif /* HAVE_LIBMICROHTTPD */
