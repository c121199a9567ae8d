;; A connector that behaves. `text.rs` says what backticks and angle brackets mean; what stands in double
;; braces is what a test puts in its place. A text is 8 bytes wherever it is: its address and its length.
(module
  <import http#send>
  <import clock#now>
  <import clock#sleep>
  <import mqtt#publish>
  <import lock#read>
  <import lock#acquire>
  <import lock#[method]guard.commit>
  (import "<interface lock>" "[resource-drop]guard" (func $guard.drop (param i32)))
  <import log#write>
  <import random#bytes>
  <import random#secret>

  (memory (export "memory") 2)
  {{texts}}
  ;; Memory is zero from here on, and no place is given out twice.
  (global $free (mut i32) (i32.const 65536))
  (global $base (mut i32) (i32.const 0))
  (global $base_length (mut i32) (i32.const 0))
  ;; What is being put together by `layout::value`.
  (global $value (mut i32) (i32.const 0))

  ;; -- Memory --

  (func $allocate (param $size i32) (result i32)
    (local $place i32)
    (local.set $place (global.get $free))
    (global.set $free
      (i32.and (i32.add (i32.add (local.get $place) (local.get $size)) (i32.const 7)) (i32.const -8)))
    (loop $more
      (if (i32.gt_u (global.get $free) (i32.mul (memory.size) (i32.const 65536))) (then
        (if (i32.eq (memory.grow (i32.const 1)) (i32.const -1)) (then unreachable))
        (br $more))))
    (local.get $place))

  (func (export "cabi_realloc") (param i32 i32 i32) (param $size i32) (result i32)
    (call $allocate (local.get $size)))

  (func $put (param $at i32) (param $text i32) (param $length i32)
    (i32.store (local.get $at) (local.get $text))
    (i32.store offset=4 (local.get $at) (local.get $length)))

  ;; Two texts, one after the other.
  (func $pair (param $at i32)
    (param $one i32) (param $one_length i32) (param $other i32) (param $other_length i32)
    (call $put (local.get $at) (local.get $one) (local.get $one_length))
    (call $put (i32.add (local.get $at) (i32.const 8)) (local.get $other) (local.get $other_length)))

  ;; The text that is found at this place.
  (func $text (param $at i32) (result i32 i32)
    (i32.load (local.get $at)) (i32.load offset=4 (local.get $at)))

  (func $concat (param $a i32) (param $a_length i32) (param $b i32) (param $b_length i32) (result i32 i32)
    (local $place i32)
    (local.set $place (call $allocate (i32.add (local.get $a_length) (local.get $b_length))))
    (memory.copy (local.get $place) (local.get $a) (local.get $a_length))
    (memory.copy (i32.add (local.get $place) (local.get $a_length)) (local.get $b) (local.get $b_length))
    (local.get $place) (i32.add (local.get $a_length) (local.get $b_length)))

  ;; A text of so many letters.
  (func $long (param $length i32) (result i32 i32)
    (local $place i32)
    (local.set $place (call $allocate (local.get $length)))
    (memory.fill (local.get $place) (i32.const 0x61) (local.get $length))
    (local.get $place) (local.get $length))

  (func $assert (param $holds i32)
    (if (i32.eqz (local.get $holds)) (then unreachable)))

  ;; -- Imports --

  (func $log (param $text i32) (param $length i32)
    (call $log.write (i32.const <case log.level.info>) (local.get $text) (local.get $length)))

  (func $now
    (call $clock.now (i32.const 1280)))

  ;; 0 when it was taken, else the case of the error, from 1.
  (func $publish (param $topic i32) (param $topic_length i32) (param $payload i32) (param $payload_length i32)
    (result i32)
    (local $answer i32)
    (local.set $answer (call $allocate (i32.const <size mqtt#publish>)))
    (call $mqtt.publish (local.get $topic) (local.get $topic_length)
      (local.get $payload) (local.get $payload_length) (i32.const 0) (local.get $answer))
    (if (result i32) (<load mqtt#publish> (local.get $answer))
      (then (i32.add (i32.const 1) (<load mqtt#publish.err> (local.get $answer))))
      (else (i32.const 0))))

  ;; 0 when it was acquired, else the case of the error, from 1.
  (func $try_acquire (param $name i32) (param $length i32) (param $wait i32) (result i32)
    (call $lock.acquire (local.get $name) (local.get $length) (local.get $wait) (i32.const 1280))
    (if (result i32) (<load lock#acquire> (i32.const 1280))
      (then (i32.add (i32.const 1) (<load lock#acquire.err> (i32.const 1280))))
      (else (i32.const 0))))

  ;; A guard.
  (func $acquire (param $name i32) (param $length i32) (param $wait i32) (result i32)
    (call $assert (i32.eqz (call $try_acquire (local.get $name) (local.get $length) (local.get $wait))))
    (<load lock#acquire.ok> (i32.const 1280)))

  ;; 0 when it was committed, else the case of the error, from 1.
  (func $commit (param $guard i32) (param $value i32) (param $length i32) (result i32)
    (local $answer i32)
    (local.set $answer (call $allocate (i32.const <size lock#[method]guard.commit>)))
    (call $guard.commit (local.get $guard) (local.get $value) (local.get $length) (local.get $answer))
    (if (result i32) (<load lock#[method]guard.commit> (local.get $answer))
      (then (i32.add (i32.const 1) (<load lock#[method]guard.commit.err> (local.get $answer))))
      (else (i32.const 0))))

  ;; The answer as it is in memory. Headers, fields of a form and captures are lists of so many.
  (func $request (param $method i32) (param $url i32) (param $url_length i32)
    (param $headers i32) (param $headers_count i32)
    (param $body i32) (param $fields i32) (param $fields_count i32)
    (param $captures i32) (param $captures_count i32) (param $acts i32) (result i32)
    (local $request i32) (local $answer i32)
    (local.set $request (call $allocate (i32.const <size http.request>)))
    (local.set $answer (call $allocate (i32.const <size http#send>)))
    (<store http.request.method> (local.get $request) (local.get $method))
    (call $put (i32.add (local.get $request) (i32.const <offset http.request.url>))
      (local.get $url) (local.get $url_length))
    (call $put (i32.add (local.get $request) (i32.const <offset http.request.headers>))
      (local.get $headers) (local.get $headers_count))
    (<store http.request.body> (local.get $request) (local.get $body))
    (call $put (i32.add (local.get $request) (i32.const <offset http.request.body.form>))
      (local.get $fields) (local.get $fields_count))
    (call $put (i32.add (local.get $request) (i32.const <offset http.request.captures>))
      (local.get $captures) (local.get $captures_count))
    (<store http.request.acts-on-vehicle> (local.get $request) (local.get $acts))
    (call $http.send (local.get $request) (local.get $answer))
    (local.get $answer))

  ;; Sends a request that is in memory. The answer as it is there.
  (func $send (param $request i32) (result i32)
    (local $answer i32)
    (local.set $answer (call $allocate (i32.const <size http#send>)))
    (call $http.send (local.get $request) (local.get $answer))
    (local.get $answer))

  ;; The same without a body and captures.
  (func $bare (param $method i32) (param $url i32) (param $url_length i32)
    (param $headers i32) (param $headers_count i32) (param $acts i32) (result i32)
    (call $request (local.get $method) (local.get $url) (local.get $url_length)
      (local.get $headers) (local.get $headers_count)
      (i32.const <case http.body.empty>) (i32.const 0) (i32.const 0)
      (i32.const 0) (i32.const 0) (local.get $acts)))

  (func $get (param $url i32) (param $length i32) (result i32)
    (call $bare (i32.const <case http.method.get>) (local.get $url) (local.get $length)
      (i32.const 0) (i32.const 0) (i32.const 0)))

  (func $get_with (param $url i32) (param $length i32) (param $header i32) (param $header_length i32)
    (param $value i32) (param $value_length i32) (result i32)
    (local $headers i32)
    (local.set $headers (call $allocate (i32.const <size http.request.headers.each>)))
    (call $pair (local.get $headers)
      (local.get $header) (local.get $header_length) (local.get $value) (local.get $value_length))
    (call $bare (i32.const <case http.method.get>) (local.get $url) (local.get $length)
      (local.get $headers) (i32.const 1) (i32.const 0)))

  ;; A request on which the vehicle may act.
  (func $act (param $url i32) (param $length i32) (result i32)
    (call $bare (i32.const <case http.method.post>) (local.get $url) (local.get $length)
      (i32.const 0) (i32.const 0) (i32.const 1)))

  ;; A URL of the account's cloud.
  (func $cloud (param $path i32) (param $length i32) (result i32 i32)
    (call $concat (global.get $base) (global.get $base_length) (local.get $path) (local.get $length)))

  ;; Whether there is an answer to a request; whether the host did not allow it.
  (func $answered (param $answer i32) (result i32)
    (i32.eqz (<load http#send> (local.get $answer))))
  (func $denied (param $answer i32) (result i32)
    (i32.and
      (<load http#send> (local.get $answer))
      (i32.eq (<load http#send.err> (local.get $answer)) (i32.const <case http.transport-error.denied>))))

  ;; Traps unless the cloud has said yes.
  (func $ok (param $answer i32)
    (call $assert (call $answered (local.get $answer)))
    (call $assert (i32.eq (<load http#send.ok.status> (local.get $answer)) (i32.const 200))))

  (func $body (param $answer i32) (result i32 i32)
    (call $assert (call $answered (local.get $answer)))
    (call $text (i32.add (local.get $answer) (i32.const <offset http#send.ok.body>))))

  ;; Why there is no answer, in the host's words.
  (func $why (param $answer i32) (result i32 i32)
    (call $assert (<load http#send> (local.get $answer)))
    (call $text (i32.add (local.get $answer) (i32.const <offset http#send.err.denied>))))

  ;; What a guest has of a request: the body of the answer, or why there is none.
  (func $heard (param $answer i32) (result i32 i32)
    (if (result i32 i32) (call $answered (local.get $answer))
      (then (call $body (local.get $answer)))
      (else (call $why (local.get $answer)))))

  ;; -- Answers to `execute` and `resume`: pointers to results. One full of zeros would be a success. --

  (func $outcome (param $case i32) (result i32)
    (local $answer i32)
    (local.set $answer (call $allocate (i32.const <size connector#execute>)))
    (<store connector#execute.ok> (local.get $answer) (local.get $case))
    (local.get $answer))

  (func $done (result i32) (call $outcome (i32.const <case connector.outcome.done>)))

  (func $done_with (param $state i32) (param $length i32) (result i32)
    (local $answer i32)
    (local.set $answer (call $done))
    (<store connector#execute.ok.done.state> (local.get $answer) (i32.const 1))
    (call $put (i32.add (local.get $answer) (i32.const <offset connector#execute.ok.done.state.some>))
      (local.get $state) (local.get $length))
    (local.get $answer))

  (func $done_as (param $action i32) (param $length i32) (result i32)
    (local $answer i32)
    (local.set $answer (call $done))
    (<store connector#execute.ok.done.action-id> (local.get $answer) (i32.const 1))
    (call $put (i32.add (local.get $answer) (i32.const <offset connector#execute.ok.done.action-id.some>))
      (local.get $action) (local.get $length))
    (local.get $answer))

  (func $pending (param $continuation i32) (param $length i32) (param $poll_after i32) (result i32)
    (local $answer i32)
    (local.set $answer (call $outcome (i32.const <case connector.outcome.pending>)))
    (call $put (i32.add (local.get $answer) (i32.const <offset connector#execute.ok.pending.continuation>))
      (local.get $continuation) (local.get $length))
    (<store connector#execute.ok.pending.poll-after> (local.get $answer) (local.get $poll_after))
    (local.get $answer))

  ;; With a list of so many pairs of a pointer and a value, which are expected.
  (func $accepted (param $expected i32) (param $count i32) (param $read_after i32) (result i32)
    (local $answer i32)
    (local.set $answer (call $outcome (i32.const <case connector.outcome.accepted>)))
    (call $put (i32.add (local.get $answer) (i32.const <offset connector#execute.ok.accepted.expected>))
      (local.get $expected) (local.get $count))
    (<store connector#execute.ok.accepted.read-after> (local.get $answer) (local.get $read_after))
    (local.get $answer))

  ;; With one pair.
  (func $accepted_once (param $pointer i32) (param $pointer_length i32)
    (param $value i32) (param $value_length i32) (param $read_after i32) (result i32)
    (local $expected i32)
    (local.set $expected (call $allocate (i32.const <size connector.accepted.expected.each>)))
    (call $pair (local.get $expected)
      (local.get $pointer) (local.get $pointer_length) (local.get $value) (local.get $value_length))
    (call $accepted (local.get $expected) (i32.const 1) (local.get $read_after)))

  ;; By one of the cases that carry words and nothing else.
  (func $ended (param $case i32) (param $text i32) (param $length i32) (result i32)
    (local $answer i32)
    (local.set $answer (call $outcome (local.get $case)))
    (call $put (i32.add (local.get $answer) (i32.const <offset connector#execute.ok.other>))
      (local.get $text) (local.get $length))
    (local.get $answer))

  (func $refused (param $text i32) (param $length i32) (result i32)
    (call $ended (i32.const <case connector.outcome.refused>) (local.get $text) (local.get $length)))

  (func $failed (param $message i32) (param $length i32) (result i32)
    (local $answer i32)
    (local.set $answer (call $done))
    (<store connector#execute> (local.get $answer) (i32.const 1))
    (<store connector#execute.err.phase> (local.get $answer) (i32.const <case types.phase.unknown>))
    (<store connector#execute.err.certainty> (local.get $answer) (i32.const <case types.certainty.rejected>))
    (call $put (i32.add (local.get $answer) (i32.const <offset connector#execute.err.message>))
      (local.get $message) (local.get $length))
    (local.get $answer))

  ;; -- Answers to `sign-in`, `continue-sign-in` and `refresh` --

  (func $step (param $case i32) (result i32)
    (local $answer i32)
    (local.set $answer (call $allocate (i32.const <size connector#sign-in>)))
    (<store connector#sign-in.ok> (local.get $answer) (local.get $case))
    (local.get $answer))

  ;; A session with this value.
  (func $grant (param $value i32) (param $length i32) (result i32)
    (local $answer i32)
    (local.set $answer (call $step (i32.const <case connector.step.granted>)))
    (call $put (i32.add (local.get $answer) (i32.const <offset connector#sign-in.ok.granted.value>))
      (local.get $value) (local.get $length))
    (local.get $answer))

  ;; A question with this challenge, of which only the case is put in.
  (func $question (param $challenge i32) (param $continuation i32) (param $length i32) (result i32)
    (local $answer i32)
    (local.set $answer (call $step (i32.const <case connector.step.asked>)))
    (<store connector#sign-in.ok.asked.challenge> (local.get $answer) (local.get $challenge))
    (call $put (i32.add (local.get $answer) (i32.const <offset connector#sign-in.ok.asked.continuation>))
      (local.get $continuation) (local.get $length))
    (local.get $answer))

  ;; A question with a list of so many choices.
  (func $choice (param $choices i32) (param $count i32) (result i32)
    (local $answer i32)
    (local.set $answer (call $question (i32.const <case connector.challenge.choice>) `chosen`))
    (call $put (i32.add (local.get $answer) (i32.const <offset connector#sign-in.ok.asked.challenge.choice>))
      (local.get $choices) (local.get $count))
    (local.get $answer))

  ;; A step without a name.
  (func $step_other (param $words i32) (param $length i32) (result i32)
    (local $answer i32)
    (local.set $answer (call $step (i32.const <case connector.step.other>)))
    (call $put (i32.add (local.get $answer) (i32.const <offset connector#sign-in.ok.other>))
      (local.get $words) (local.get $length))
    (local.get $answer))

  (func $not_signed_in (param $message i32) (param $length i32) (result i32)
    (local $answer i32)
    (local.set $answer (call $allocate (i32.const <size connector#sign-in>)))
    (<store connector#sign-in> (local.get $answer) (i32.const 1))
    (<store connector#sign-in.err.phase> (local.get $answer) (i32.const <case types.phase.unknown>))
    (<store connector#sign-in.err.certainty> (local.get $answer) (i32.const <case types.certainty.rejected>))
    (call $put (i32.add (local.get $answer) (i32.const <offset connector#sign-in.err.message>))
      (local.get $message) (local.get $length))
    (local.get $answer))

  ;; -- What it does --

  ;; Into the secret of this name.
  (func $capture (param $at i32) (param $pointer i32) (param $pointer_length i32) (param $name i32)
    (param $name_length i32)
    (<store http.capture.source> (local.get $at) (i32.const <case http.capture-source.json>))
    (call $put (i32.add (local.get $at) (i32.const <offset http.capture.source.json>))
      (local.get $pointer) (local.get $pointer_length))
    (<store http.capture.target> (local.get $at) (i32.const <case http.capture-target.secret>))
    (call $put (i32.add (local.get $at) (i32.const <offset http.capture.target.secret>))
      (local.get $name) (local.get $name_length)))

  ;; The refresh grant of the simulated cloud.
  (func $token (result i32)
    (local $form i32) (local $captures i32)
    (local.set $form (call $allocate (i32.const 64)))
    (call $pair (local.get $form) `grant_type` `refresh_token`)
    (call $pair (i32.add (local.get $form) (i32.const 16)) `refresh_token` `{secret:refresh-token}`)
    (call $pair (i32.add (local.get $form) (i32.const 32)) `client_id` `fdc85c00-0a2f-4c64-bcb4-2cfb1500730a`)
    (call $pair (i32.add (local.get $form) (i32.const 48)) `client_secret` `secret`)
    (local.set $captures (call $allocate (i32.mul (i32.const 2) (i32.const <size http.capture>))))
    (call $capture (local.get $captures) `/access_token` `access-token`)
    (call $capture (i32.add (local.get $captures) (i32.const <size http.capture>))
      `/refresh_token` `refresh-token`)
    (call $request (i32.const <case http.method.post>) (call $cloud `/auth/api/v2/user/oauth2/token`)
      (i32.const 0) (i32.const 0) (i32.const <case http.body.form>) (local.get $form) (i32.const 4)
      (local.get $captures) (i32.const 2) (i32.const 0)))

  (func $manifest (param $name i32) (param $name_length i32) (result i32)
    (local $answer i32) (local $cells i32) (local $wants i32)
    (local.set $answer (call $allocate (i32.const <size connector.manifest>)))
    (local.set $cells (call $allocate (i32.const {{cells_size}})))
    (local.set $wants (i32.add (local.get $answer) (i32.const <offset connector.manifest.wants>)))
    (call $put (i32.add (local.get $answer) (i32.const <offset connector.manifest.name>))
      (local.get $name) (local.get $name_length))
    (call $put (i32.add (local.get $answer) (i32.const <offset connector.manifest.version>)) `0.1.0`)
    (call $put (i32.add (local.get $answer) (i32.const <offset connector.manifest.description>))
      `A cloud of a test`)
    (call $put (i32.add (local.get $answer) (i32.const <offset connector.manifest.cells>))
      (local.get $cells) (i32.const {{cells_count}}))
    {{cells}}
    {{wants}}
    (local.get $answer))

  (func $operations (result i32)
    (local $at i32)
    (local.set $at (call $allocate (i32.const 40)))
    (call $put (local.get $at) `refresh_cached`)
    (call $put (i32.add (local.get $at) (i32.const 8)) `refresh_force`)
    (call $put (i32.add (local.get $at) (i32.const 16)) `lock`)
    (call $put (i32.add (local.get $at) (i32.const 24)) `unlock`)
    (call $put (i32.add (local.get $at) (i32.const 32)) `check_action_status`)
    (local.get $at))

  (func $car (param $at i32) (param $id i32) (param $id_length i32) (param $name i32) (param $name_length i32)
    (call $put (i32.add (local.get $at) (i32.const <offset connector.vehicle.id>))
      (local.get $id) (local.get $id_length))
    (call $put (i32.add (local.get $at) (i32.const <offset connector.vehicle.name>))
      (local.get $name) (local.get $name_length))
    (call $put (i32.add (local.get $at) (i32.const <offset connector.vehicle.operations>))
      (call $operations) (i32.const 5)))

  ;; A list of so many vehicles.
  (func $vehicles (param $list i32) (param $count i32) (result i32)
    (local $answer i32)
    (local.set $answer (call $allocate (i32.const <size connector#list-vehicles>)))
    (call $put (i32.add (local.get $answer) (i32.const <offset connector#list-vehicles.ok>))
      (local.get $list) (local.get $count))
    (local.get $answer))

  (func $cars (result i32)
    (local $list i32)
    (local.set $list (call $allocate (i32.mul (i32.const 2) (i32.const <size connector.vehicle>))))
    (call $car (local.get $list) `{{niro}}` `Niro`)
    (call $car (i32.add (local.get $list) (i32.const <size connector.vehicle>)) `{{ev6}}` `EV6`)
    (call $vehicles (local.get $list) (i32.const 2)))

  ;; -- Exports --

  ;; Of the account's services the first one is as good as any.
  (func $enter (param $endpoints i32)
    (call $text (i32.add (local.get $endpoints) (i32.const <offset connector.account.endpoints.each.url>)))
    (global.set $base_length) (global.set $base))

  (func <export connector#describe> {{describe}})

  (func $sign_in <export connector#sign-in>
    (call $enter <get connector#sign-in account.endpoints>)
    {{sign_in}})

  (func <export connector#continue-sign-in>
    (call $enter <get connector#continue-sign-in account.endpoints>)
    {{continue_sign_in}})

  (func <export connector#refresh>
    (call $enter <get connector#refresh account.endpoints>)
    {{sign_in}})

  (func <export connector#list-vehicles>
    (local $n i32)
    (call $enter <get connector#list-vehicles account.endpoints>)
    {{list}})

  (func $read (result i32) (local $n i32) {{read}})
  (func $lock (result i32) (local $n i32) (local $at i32) {{lock}})

  ;; Reads; locks; whatever else it is told it does well, if nobody holds its cell.
  (func <export connector#execute>
    (local $command i32)
    (call $enter <get connector#execute account.endpoints>)
    (local.set $command <get connector#execute command>)
    (if (i32.eq (local.get $command) (i32.const <case connector.command.read>)) (then (return (call $read))))
    (if (i32.eq (local.get $command) (i32.const <case connector.command.lock>)) (then (return (call $lock))))
    (call $guard.drop (call $acquire `device` (i32.const 0)))
    (call $done))

  (func <export connector#resume>
    (call $enter <get connector#resume account.endpoints>)
    {{resume}})

  ;; The policy that it ships with: every failure is an expired token, but for those of the phase `refresh`,
  ;; which are unknown. It refreshes once and opens no circuit.
  (func <export policy#describe>
    (local $answer i32)
    (local.set $answer (call $allocate (i32.const <size policy.manifest>)))
    (call $put (i32.add (local.get $answer) (i32.const <offset policy.manifest.name>)) `hostile`)
    (call $put (i32.add (local.get $answer) (i32.const <offset policy.manifest.version>)) `0.1.0`)
    (local.get $answer))
  (func <export policy#classify>
    (local $answer i32)
    (local.set $answer (call $allocate (i32.const <size policy.verdict>)))
    (<store policy.verdict.kind> (local.get $answer)
      (select
        (i32.const <case policy.failure-kind.unknown>)
        (i32.const <case policy.failure-kind.token-expired>)
        (i32.eq <get policy#classify failure.phase> (i32.const <case policy.phase.refresh>))))
    (local.get $answer))
  (func <export policy#decide>
    (local $answer i32)
    (local.set $answer (call $allocate (i32.const <size policy.decision>)))
    (<store policy.decision> (local.get $answer) (i32.const <case policy.decision.refresh-and-retry>))
    (local.get $answer))
  (func <export policy#admit-refresh>
    (local $answer i32)
    (local.set $answer (call $allocate (i32.const <size policy.refresh-decision>)))
    (<store policy.refresh-decision> (local.get $answer) (i32.const <case policy.refresh-decision.refresh>))
    (local.get $answer))
  (func <export policy#circuit>
    ;; Settings that are all zero open none.
    (call $allocate (i32.const <size policy.circuit-settings>)))

  {{more}})
