/* A layer: one wording more than the policy of the host, which answers everything else.

   What each type means is in wit/policy.wit. The bindings have each type twice, once of the policy below and once of
   this one, with the same fields in the same order: what is asked here is asked there by a cast. */

#include "bindings/bindings.h"
#include <string.h>

/* What your cloud says of a token that is no longer good, in lower case. */
static const char *const EXPIRED = "access card no longer honoured";

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

void exports_policy_describe(exports_policy_manifest_t *manifest) {
  bindings_string_set(&manifest->name, "my-policy");
  bindings_string_set(&manifest->version, "0.1.0");
}

void exports_policy_classify(exports_policy_failure_t *failure, exports_policy_verdict_t *verdict) {
  /* None of these is helped by a refresh. */
  bool session = failure->phase == EXPORTS_POLICY_PHASE_SIGN_IN || failure->phase == EXPORTS_POLICY_PHASE_REFRESH ||
                 failure->phase == EXPORTS_POLICY_PHASE_REGISTRATION;
  if (!session && says(&failure->message, EXPIRED)) {
    verdict->kind.tag = EXPORTS_POLICY_FAILURE_KIND_TOKEN_EXPIRED;
    bindings_string_set(&verdict->rule, "my-wording");
    verdict->counts_against.is_some = false;
  } else {
    policy_classify((policy_failure_t *)failure, (policy_verdict_t *)verdict);
  }
}

void exports_policy_decide(exports_policy_attempt_t *attempt, exports_policy_decision_t *decision) {
  policy_decide((policy_attempt_t *)attempt, (policy_decision_t *)decision);
}

void exports_policy_admit_refresh(exports_policy_session_view_t *session, exports_policy_refresh_decision_t *decision) {
  policy_admit_refresh((policy_session_view_t *)session, (policy_refresh_decision_t *)decision);
}

void exports_policy_circuit(exports_policy_circuit_scope_t *scope, exports_policy_circuit_settings_t *settings) {
  policy_circuit((policy_circuit_scope_t *)scope, (policy_circuit_settings_t *)settings);
}
