/* An SMTP server for measuring senders: takes everything, keeps nothing, counts.
 *
 *     cc -O2 -o sink sink.c && ./sink [REPLY_DELAY_MS]
 *
 * Listens on a free port of 127.0.0.1, nowhere else, and prints the port. On SIGTERM it prints one line of JSON:
 * messages, bytes of their content on the wire (stuffed dots and the final dot with them), connections, and its own
 * processor time. EHLO offers PIPELINING, SIZE and 8BITMIME. With a delay, what is answered at one moment leaves that
 * much later, which stands for the way to a real server. One thread, epoll, Linux. RFC 5321, RFC 2920.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define LINE_LIMIT 2048
#define INPUT_SIZE (256 * 1024)
#define EVENTS 128
#define LOOK_UP_MS 200 /* a signal may come just before the wait, which then would not see it */

static const char FINAL_DOT[] = "\r\n.\r\n";
enum { FINAL_DOT_LENGTH = 5, LINE_END_SEEN = 2 };

/* Answers that wait for their moment, in the order in which they were given. */
struct answer {
  struct answer *next;
  uint64_t due;
  size_t length;
  char text[];
};

struct client {
  int socket;
  bool in_content;
  bool leaving;
  size_t matched; /* how much of FINAL_DOT the content ended with so far */
  size_t line_length;
  char line[LINE_LIMIT];
  char *reply;
  size_t reply_length, reply_room;
  struct answer *first, *last;
  struct client *previous, *following;
};

static struct client *clients;
static uint64_t messages, content_bytes, connections, delay_ms;
static int poller;
static char input[INPUT_SIZE];
static volatile sig_atomic_t told_to_stop;

static void stop(int number) {
  (void)number;
  told_to_stop = 1;
}

static void give_up(const char *what) {
  perror(what);
  exit(1);
}

static uint64_t milliseconds(void) {
  struct timespec moment;
  clock_gettime(CLOCK_MONOTONIC, &moment);
  return (uint64_t)moment.tv_sec * 1000 + (uint64_t)moment.tv_nsec / 1000000;
}

static void say(struct client *client, const char *text) {
  size_t length = strlen(text);
  if (client->reply_length + length > client->reply_room) {
    client->reply_room = 2 * (client->reply_length + length);
    client->reply = realloc(client->reply, client->reply_room);
    if (!client->reply) give_up("memory");
  }
  memcpy(client->reply + client->reply_length, text, length);
  client->reply_length += length;
}

/* Answers are far smaller than a socket's buffer; a client that reads none of them is dropped. */
static bool hand_over(struct client *client, const char *text, size_t length) {
  return send(client->socket, text, length, MSG_NOSIGNAL) == (ssize_t)length;
}

static bool answer(struct client *client) {
  size_t length = client->reply_length;
  if (!length) return true;
  client->reply_length = 0;
  if (!delay_ms) return hand_over(client, client->reply, length);
  struct answer *later = malloc(sizeof *later + length);
  if (!later) give_up("memory");
  *later = (struct answer){.due = milliseconds() + delay_ms, .length = length};
  memcpy(later->text, client->reply, length);
  if (client->last) client->last->next = later;
  else client->first = later;
  client->last = later;
  return true;
}

static void welcome(int socket) {
  struct client *client = calloc(1, sizeof *client);
  if (!client) give_up("memory");
  int yes = 1;
  setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
  struct epoll_event event = {.events = EPOLLIN, .data.ptr = client};
  if (epoll_ctl(poller, EPOLL_CTL_ADD, socket, &event)) give_up("epoll_ctl");
  client->socket = socket;
  client->following = clients;
  if (clients) clients->previous = client;
  clients = client;
  connections++;
  say(client, "220 sink.example.com ESMTP\r\n");
  answer(client);
}

static void dismiss(struct client *client) {
  if (client->previous) client->previous->following = client->following;
  else clients = client->following;
  if (client->following) client->following->previous = client->previous;
  for (struct answer *one = client->first, *next; one; one = next) {
    next = one->next;
    free(one);
  }
  close(client->socket);
  free(client->reply);
  free(client);
}

static bool is_command(const struct client *client, const char *verb) {
  return client->line_length >= 4 && !strncasecmp(client->line, verb, 4);
}

static void obey(struct client *client) {
  if (is_command(client, "EHLO")) {
    say(client, "250-sink.example.com\r\n250-PIPELINING\r\n250-SIZE 52428800\r\n250-ENHANCEDSTATUSCODES\r\n250 8BITMIME\r\n");
  } else if (is_command(client, "DATA")) {
    say(client, "354 2.0.0 go on\r\n");
    client->in_content = true;
    client->matched = LINE_END_SEEN; /* the command's own line end begins the first line */
  } else if (is_command(client, "QUIT")) {
    say(client, "221 2.0.0 bye\r\n");
    client->leaving = true;
  } else {
    say(client, "250 2.0.0 ok\r\n");
  }
}

/* Take one command line, or the part of it that has come; return how many bytes were used, 0 for a line too long. */
static size_t take_line(struct client *client, const char *text, size_t length) {
  const char *end = memchr(text, '\n', length);
  size_t used = end ? (size_t)(end - text) + 1 : length;
  if (client->line_length + used > LINE_LIMIT) return 0;
  memcpy(client->line + client->line_length, text, used);
  client->line_length += used;
  if (end) {
    obey(client);
    client->line_length = 0;
  }
  return used;
}

/* Go through content up to the final dot, or to the end of what has come; return how many bytes were used. */
static size_t take_content(struct client *client, const char *text, size_t length) {
  size_t place = 0, matched = client->matched;
  while (place < length && matched < FINAL_DOT_LENGTH) {
    if (!matched) {
      const char *next = memchr(text + place, '\r', length - place);
      place = next ? (size_t)(next - text) : length;
      if (!next) break;
    }
    if (text[place] == FINAL_DOT[matched]) matched++;
    else matched = text[place] == '\r' ? 1 : 0;
    place++;
  }
  content_bytes += place;
  client->matched = matched;
  if (matched == FINAL_DOT_LENGTH) {
    messages++;
    client->in_content = false;
    say(client, "250 2.0.0 taken\r\n");
  }
  return place;
}

/* Read what has come and answer it; false when the client is to be dismissed. */
static bool serve(struct client *client) {
  ssize_t length = recv(client->socket, input, sizeof input, 0);
  if (length < 0 && (errno == EAGAIN || errno == EINTR)) return true;
  if (length <= 0) return false;
  for (size_t place = 0; place < (size_t)length && !client->leaving;) {
    size_t (*take)(struct client *, const char *, size_t) = client->in_content ? take_content : take_line;
    size_t used = take(client, input + place, (size_t)length - place);
    if (!used) return false;
    place += used;
  }
  return answer(client) && (!client->leaving || delay_ms);
}

/* Send the answers whose moment has come; return how long until the next, at most LOOK_UP_MS. */
static int send_due(void) {
  if (!delay_ms) return LOOK_UP_MS;
  uint64_t now = milliseconds(), nearest = now + LOOK_UP_MS;
  for (struct client *client = clients, *following; client; client = following) {
    following = client->following;
    bool well = true;
    while (well && client->first && client->first->due <= now) {
      struct answer *one = client->first;
      well = hand_over(client, one->text, one->length);
      client->first = one->next;
      if (!client->first) client->last = NULL;
      free(one);
    }
    if (!well || (client->leaving && !client->first)) dismiss(client);
    else if (client->first && client->first->due < nearest) nearest = client->first->due;
  }
  return (int)(nearest - now);
}

static int listening_socket(void) {
  struct sockaddr_in place = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t size = sizeof place;
  int socket_number = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  if (socket_number < 0 || bind(socket_number, (struct sockaddr *)&place, size)) give_up("bind");
  if (listen(socket_number, SOMAXCONN)) give_up("listen");
  if (getsockname(socket_number, (struct sockaddr *)&place, &size)) give_up("getsockname");
  printf("%d\n", ntohs(place.sin_port));
  fflush(stdout);
  return socket_number;
}

static void report(void) {
  struct rusage used;
  getrusage(RUSAGE_SELF, &used);
  double cpu_ms = (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) * 1e3 +
                  (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e3;
  printf("{\"messages\": %llu, \"bytes\": %llu, \"connections\": %llu, \"cpu_ms\": %.1f}\n",
         (unsigned long long)messages, (unsigned long long)content_bytes, (unsigned long long)connections, cpu_ms);
}

int main(int count, char **words) {
  delay_ms = count > 1 ? strtoull(words[1], NULL, 10) : 0;
  struct sigaction on_stop = {.sa_handler = stop};
  sigaction(SIGTERM, &on_stop, NULL);
  sigaction(SIGINT, &on_stop, NULL);
  poller = epoll_create1(0);
  int listening = listening_socket();
  struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL}, events[EVENTS];
  if (poller < 0 || epoll_ctl(poller, EPOLL_CTL_ADD, listening, &event)) give_up("epoll");
  while (!told_to_stop) {
    int ready = epoll_wait(poller, events, EVENTS, send_due());
    for (int place = 0; place < ready; place++) {
      struct client *client = events[place].data.ptr;
      if (client) {
        if (!serve(client)) dismiss(client);
        continue;
      }
      for (int one; (one = accept4(listening, NULL, NULL, SOCK_NONBLOCK)) >= 0;) welcome(one);
    }
  }
  report();
  return 0;
}
