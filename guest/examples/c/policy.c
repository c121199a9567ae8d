/* A policy: five pure functions. The same question has the same answer, whenever it is asked.

   What each type means, in which units, and who enforces what is in wit/policy.wit. */

#include "bindings/bindings.h"
#include <string.h>

/* Names of the bindings without what all of them begin with. */
#define KIND(name) EXPORTS_POLICY_FAILURE_KIND_##name
#define SCOPE(name) EXPORTS_POLICY_CIRCUIT_SCOPE_##name
#define DECISION(name) EXPORTS_POLICY_DECISION_##name

enum {
  CONFIRM = 5000, /* When to ask what became of a command, in milliseconds. */
  PAUSE = 1000,   /* Before a read is tried a second time, in milliseconds; it doubles. */
  TRIES = 3,      /* How often a read is tried. */
  REST = 30000,   /* After a refresh that failed, in milliseconds. */
};

/* What your cloud says of a token that is no longer good, in lower case. */
static const char *const EXPIRED[] = {"token is expired", "token has expired"};

static uint8_t lower(uint8_t byte) { return byte >= 'A' && byte <= 'Z' ? byte - 'A' + 'a' : byte; }

/* Whether a text has these words, which are in lower case, whatever its own case is. */
static bool says(const bindings_string_t *text, const char *words) {
  size_t length = strlen(words);
  for (size_t from = 0; from + length <= text->len; from++) {
    size_t same = 0;
    while (same < length && lower(text->ptr[from + same]) == (uint8_t)words[same]) same++;
    if (same == length) return true;
  }
  return false;
}

static void answer(exports_policy_verdict_t *verdict, uint8_t kind, const char *rule, int scope) {
  verdict->kind.tag = kind;
  bindings_string_set(&verdict->rule, rule);
  verdict->counts_against.is_some = scope >= 0;
  if (scope >= 0) verdict->counts_against.val.tag = (uint8_t)scope;
}

void exports_policy_describe(exports_policy_manifest_t *manifest) {
  bindings_string_set(&manifest->name, "my-policy");
  bindings_string_set(&manifest->version, "0.1.0");
}

void exports_policy_classify(exports_policy_failure_t *failure, exports_policy_verdict_t *verdict) {
  const int none = -1;
  uint16_t status = failure->http_status.is_some ? failure->http_status.val : 0;
  bool session =
      failure->phase == EXPORTS_POLICY_PHASE_SIGN_IN || failure->phase == EXPORTS_POLICY_PHASE_REFRESH;
  int scope = session ? SCOPE(TOKEN_ENDPOINT) : SCOPE(CLOUD);
  if (failure->transport.is_some && failure->transport.val == EXPORTS_POLICY_TRANSPORT_DENIED) {
    answer(verdict, KIND(INVALID_REQUEST), "denied", none);
  } else if (failure->transport.is_some) {
    answer(verdict, KIND(TRANSIENT), "transport", scope);
  } else if (status == 429) {
    answer(verdict, KIND(RATE_LIMITED), "http-429", SCOPE(ACCOUNT));
  } else if (status >= 500) {
    answer(verdict, KIND(TRANSIENT), "http-5xx", scope);
  } else if (session) {
    /* Whatever the words are: a sign-in or a refresh that is refused is not helped by a refresh. */
    bool refused = status == 400 || status == 401 || status == 403;
    answer(verdict, refused ? KIND(CREDENTIALS_REJECTED) : KIND(UNKNOWN), refused ? "session-refused" : "none", none);
  } else if (failure->phase == EXPORTS_POLICY_PHASE_REGISTRATION) {
    /* Nor is a registration; what it was refused for, its words do not tell. */
    answer(verdict, KIND(UNKNOWN), "none", none);
  } else if (says(&failure->message, EXPIRED[0]) || says(&failure->message, EXPIRED[1])) {
    answer(verdict, KIND(TOKEN_EXPIRED), "expired", none);
  } else if (status == 401) {
    answer(verdict, KIND(TOKEN_EXPIRED), "http-401", none);
  } else {
    answer(verdict, KIND(UNKNOWN), "none", none);
  }
}

void exports_policy_decide(exports_policy_attempt_t *attempt, exports_policy_decision_t *decision) {
  const exports_policy_failure_t *failure = &attempt->failure;
  uint8_t kind = attempt->verdict.kind.tag;
  bool is_read = failure->effect == EXPORTS_POLICY_EFFECT_READ;
  bool is_session = failure->effect == EXPORTS_POLICY_EFFECT_SESSION;
  bool may_have_acted =
      failure->certainty == EXPORTS_POLICY_CERTAINTY_ACCEPTED ||
      (failure->certainty == EXPORTS_POLICY_CERTAINTY_AMBIGUOUS && !is_read && !is_session);
  decision->tag = DECISION(GIVE_UP);
  if (kind == KIND(CREDENTIALS_REJECTED)) {
    decision->tag = DECISION(LATCH);
    decision->val.latch.tag = EXPORTS_POLICY_LATCH_AUTH_REQUIRED;
  } else if (may_have_acted) {
    if (CONFIRM < attempt->remaining) {
      decision->tag = DECISION(CONFIRM);
      decision->val.confirm.after = CONFIRM;
      decision->val.confirm.within.is_some = false;
    }
  } else if (kind == KIND(TOKEN_EXPIRED) && !attempt->refreshed) {
    decision->tag = DECISION(REFRESH_AND_RETRY);
  } else if (kind == KIND(TRANSIENT) && is_read && attempt->number < TRIES) {
    /* Half of the pause is chance, so that callers that failed together spread out. */
    uint32_t pause = PAUSE * attempt->number;
    pause += attempt->random % pause;
    if (failure->retry_after.is_some && failure->retry_after.val > pause) pause = failure->retry_after.val;
    if (attempt->retry_budget > 0 && pause < attempt->remaining) {
      decision->tag = DECISION(RETRY);
      decision->val.retry = pause;
    }
  }
}

void exports_policy_admit_refresh(exports_policy_session_view_t *session, exports_policy_refresh_decision_t *decision) {
  decision->tag = EXPORTS_POLICY_REFRESH_DECISION_REFRESH;
  if (session->failures > 0 && session->since_failure.is_some && session->since_failure.val < REST) {
    decision->tag = EXPORTS_POLICY_REFRESH_DECISION_WAIT;
    decision->val.wait = REST - session->since_failure.val;
  }
}

void exports_policy_circuit(exports_policy_circuit_scope_t *scope, exports_policy_circuit_settings_t *settings) {
  (void)scope;
  *settings = (exports_policy_circuit_settings_t){
      .consecutive_failures = 5,
      .failure_ratio = 0,
      .minimum_calls = 20,
      .window = 60000,
      .open_for = 60000,
      .probes = 1,
      .probe_lease = 60000,
  };
}
