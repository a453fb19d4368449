#include "run/stop_signal.h"

#include <signal.h>

#include <initializer_list>

namespace tunesmith {

namespace {
volatile sig_atomic_t signalled = 0;
void on_signal(int) { signalled = 1; }
}  // namespace

void catch_stop_signals() {
  struct sigaction action = {};
  action.sa_handler = on_signal;
  action.sa_flags = SA_RESTART | static_cast<int>(SA_RESETHAND);
  sigemptyset(&action.sa_mask);
  for (const int number : {SIGTERM, SIGINT, SIGHUP}) sigaction(number, &action, nullptr);
  signal(SIGPIPE, SIG_IGN);
  signal(SIGXFSZ, SIG_IGN);
}

bool stop_signalled() { return signalled != 0; }

}  // namespace tunesmith
