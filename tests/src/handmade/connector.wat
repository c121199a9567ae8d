;; A connector that behaves. Text in backticks becomes an address and a length, and what stands in double braces is
;; what a test puts in its place. Addresses and offsets follow from `wit/` by the canonical ABI.
(module
  (import "vehicle:connector/http@0.1.0" "send" (func $http.send
    (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i64 i32 i32)))
  (import "vehicle:connector/clock@0.1.0" "now" (func $clock.now (param i32)))
  (import "vehicle:connector/clock@0.1.0" "sleep" (func $clock.sleep (param i64) (result i64)))
  (import "vehicle:connector/mqtt@0.1.0" "publish" (func $mqtt.publish (param i32 i32 i32 i32 i32 i32)))
  (import "vehicle:connector/lock@0.1.0" "read" (func $lock.read (param i32 i32 i32)))
  (import "vehicle:connector/lock@0.1.0" "acquire" (func $lock.acquire (param i32 i32 i64 i32)))
  (import "vehicle:connector/lock@0.1.0" "[method]guard.commit" (func $guard.commit (param i32 i32 i32 i32)))
  (import "vehicle:connector/lock@0.1.0" "[resource-drop]guard" (func $guard.drop (param i32)))
  (import "vehicle:connector/log@0.1.0" "write" (func $log.write (param i32 i32 i32)))

  (memory (export "memory") 2)
  {{texts}}
  ;; Memory is zero from here on, and no place is given out twice.
  (global $free (mut i32) (i32.const 65536))
  (global $base (mut i32) (i32.const 0))
  (global $base_length (mut i32) (i32.const 0))

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
    (call $log.write (i32.const 2) (local.get $text) (local.get $length)))

  (func $now
    (call $clock.now (i32.const 1280)))

  ;; 0 when it was taken, else 1 and the case of the error.
  (func $publish (param $topic i32) (param $topic_length i32) (param $payload i32) (param $payload_length i32)
    (result i32)
    (local $answer i32)
    (local.set $answer (call $allocate (i32.const 32)))
    (call $mqtt.publish (local.get $topic) (local.get $topic_length)
      (local.get $payload) (local.get $payload_length) (i32.const 0) (local.get $answer))
    (if (result i32) (i32.load8_u (local.get $answer))
      (then (i32.add (i32.const 1) (i32.load8_u offset=8 (local.get $answer))))
      (else (i32.const 0))))

  ;; 0 when it was acquired, else 1 and the case of the error.
  (func $try_acquire (param $name i32) (param $length i32) (param $wait i64) (result i32)
    (call $lock.acquire (local.get $name) (local.get $length) (local.get $wait) (i32.const 1280))
    (if (result i32) (i32.load8_u (i32.const 1280))
      (then (i32.add (i32.const 1) (i32.load8_u offset=4 (i32.const 1280))))
      (else (i32.const 0))))

  ;; A guard.
  (func $acquire (param $name i32) (param $length i32) (param $wait i64) (result i32)
    (call $assert (i32.eqz (call $try_acquire (local.get $name) (local.get $length) (local.get $wait))))
    (i32.load offset=4 (i32.const 1280)))

  ;; 0 when it was committed, else 1 and the case of the error.
  (func $commit (param $guard i32) (param $value i32) (param $length i32) (result i32)
    (local $answer i32)
    (local.set $answer (call $allocate (i32.const 32)))
    (call $guard.commit (local.get $guard) (local.get $value) (local.get $length) (local.get $answer))
    (if (result i32) (i32.load8_u (local.get $answer))
      (then (i32.add (i32.const 1) (i32.load8_u offset=8 (local.get $answer))))
      (else (i32.const 0))))

  ;; The answer as it is in memory. Methods: 0 GET, 2 POST. Bodies: 0 none, 2 a form.
  (func $request (param $method i32) (param $url i32) (param $url_length i32)
    (param $headers i32) (param $headers_length i32) (param $body i32) (param $fields i32) (param $fields_length i32)
    (param $captures i32) (param $captures_length i32) (param $acts i32) (result i32)
    (local $answer i32)
    (local.set $answer (call $allocate (i32.const 32)))
    (call $http.send (local.get $method) (local.get $url) (local.get $url_length)
      (local.get $headers) (local.get $headers_length)
      (local.get $body) (local.get $fields) (local.get $fields_length)
      (local.get $captures) (local.get $captures_length)
      (i32.const 0) (i64.const 0) (local.get $acts) (local.get $answer))
    (local.get $answer))

  (func $get (param $url i32) (param $length i32) (result i32)
    (call $request (i32.const 0) (local.get $url) (local.get $length) (i32.const 0) (i32.const 0)
      (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)))

  (func $get_with (param $url i32) (param $length i32) (param $header i32) (param $header_length i32)
    (param $value i32) (param $value_length i32) (result i32)
    (local $headers i32)
    (local.set $headers (call $allocate (i32.const 16)))
    (call $put (local.get $headers) (local.get $header) (local.get $header_length))
    (call $put (i32.add (local.get $headers) (i32.const 8)) (local.get $value) (local.get $value_length))
    (call $request (i32.const 0) (local.get $url) (local.get $length) (local.get $headers) (i32.const 1)
      (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)))

  ;; A request on which the vehicle may act.
  (func $act (param $url i32) (param $length i32) (result i32)
    (call $request (i32.const 2) (local.get $url) (local.get $length) (i32.const 0) (i32.const 0)
      (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 1)))

  ;; A URL of the account's cloud.
  (func $cloud (param $path i32) (param $length i32) (result i32 i32)
    (call $concat (global.get $base) (global.get $base_length) (local.get $path) (local.get $length)))

  ;; Whether there is an answer to a request; whether the host did not allow it.
  (func $answered (param $answer i32) (result i32)
    (i32.eqz (i32.load8_u (local.get $answer))))
  (func $denied (param $answer i32) (result i32)
    (i32.and (i32.load8_u (local.get $answer)) (i32.eq (i32.load8_u offset=4 (local.get $answer)) (i32.const 2))))

  ;; Traps unless the cloud has said yes.
  (func $ok (param $answer i32)
    (call $assert (call $answered (local.get $answer)))
    (call $assert (i32.eq (i32.load16_u offset=4 (local.get $answer)) (i32.const 200))))

  (func $body (param $answer i32) (result i32 i32)
    (call $assert (call $answered (local.get $answer)))
    (call $text (i32.add (local.get $answer) (i32.const 16))))

  ;; -- Answers: pointers to a result or a failure. The smallest is nothing but zeros. --

  (func $done (result i32) (call $allocate (i32.const 96)))

  (func $done_with (param $state i32) (param $length i32) (result i32)
    (local $answer i32)
    (local.set $answer (call $done))
    (i32.store8 offset=16 (local.get $answer) (i32.const 1))
    (call $put (i32.add (local.get $answer) (i32.const 20)) (local.get $state) (local.get $length))
    (local.get $answer))

  (func $done_as (param $action i32) (param $length i32) (result i32)
    (local $answer i32)
    (local.set $answer (call $done))
    (i32.store8 offset=28 (local.get $answer) (i32.const 1))
    (call $put (i32.add (local.get $answer) (i32.const 32)) (local.get $action) (local.get $length))
    (local.get $answer))

  (func $pending (param $continuation i32) (param $length i32) (param $poll_after i64) (result i32)
    (local $answer i32)
    (local.set $answer (call $done))
    (i32.store8 offset=8 (local.get $answer) (i32.const 1))
    (call $put (i32.add (local.get $answer) (i32.const 16)) (local.get $continuation) (local.get $length))
    (i64.store offset=24 (local.get $answer) (local.get $poll_after))
    (local.get $answer))

  ;; Cases: 2 refused, 3 unanswered, 4 invalid, 5 unsupported, 6 another.
  (func $ended (param $case i32) (param $text i32) (param $length i32) (result i32)
    (local $answer i32)
    (local.set $answer (call $done))
    (i32.store8 offset=8 (local.get $answer) (local.get $case))
    (call $put (i32.add (local.get $answer) (i32.const 16)) (local.get $text) (local.get $length))
    (local.get $answer))

  (func $failed (param $message i32) (param $length i32) (result i32)
    (local $answer i32)
    (local.set $answer (call $done))
    (i32.store8 (local.get $answer) (i32.const 1))
    (i32.store8 offset=8 (local.get $answer) (i32.const 7))
    (i32.store8 offset=9 (local.get $answer) (i32.const 1))
    (call $put (i32.add (local.get $answer) (i32.const 72)) (local.get $message) (local.get $length))
    (local.get $answer))

  ;; -- What it does --

  (func $field (param $form i32) (param $name i32) (param $name_length i32) (param $value i32)
    (param $value_length i32)
    (call $put (local.get $form) (local.get $name) (local.get $name_length))
    (call $put (i32.add (local.get $form) (i32.const 8)) (local.get $value) (local.get $value_length)))

  ;; Into the secret of this name.
  (func $capture (param $at i32) (param $pointer i32) (param $pointer_length i32) (param $name i32)
    (param $name_length i32)
    (call $put (i32.add (local.get $at) (i32.const 4)) (local.get $pointer) (local.get $pointer_length))
    (call $put (i32.add (local.get $at) (i32.const 16)) (local.get $name) (local.get $name_length)))

  ;; The refresh grant of the simulated cloud.
  (func $token (result i32)
    (local $form i32) (local $captures i32)
    (local.set $form (call $allocate (i32.const 64)))
    (call $field (local.get $form) `grant_type` `refresh_token`)
    (call $field (i32.add (local.get $form) (i32.const 16)) `refresh_token` `{secret:refresh-token}`)
    (call $field (i32.add (local.get $form) (i32.const 32)) `client_id` `fdc85c00-0a2f-4c64-bcb4-2cfb1500730a`)
    (call $field (i32.add (local.get $form) (i32.const 48)) `client_secret` `secret`)
    (local.set $captures (call $allocate (i32.const 48)))
    (call $capture (local.get $captures) `/access_token` `access-token`)
    (call $capture (i32.add (local.get $captures) (i32.const 24)) `/refresh_token` `refresh-token`)
    (call $request (i32.const 2) (call $cloud `/auth/api/v2/user/oauth2/token`) (i32.const 0) (i32.const 0)
      (i32.const 2) (local.get $form) (i32.const 4) (local.get $captures) (i32.const 2) (i32.const 0)))

  ;; A session with this value.
  (func $grant (param $value i32) (param $length i32) (result i32)
    (local $answer i32)
    (local.set $answer (call $done))
    (call $put (i32.add (local.get $answer) (i32.const 40)) (local.get $value) (local.get $length))
    (local.get $answer))

  (func $manifest (param $name i32) (param $name_length i32) (result i32)
    (local $answer i32) (local $cells i32)
    (local.set $answer (call $allocate (i32.const 32)))
    (local.set $cells (call $allocate (i32.const {{cells_size}})))
    (call $put (local.get $answer) (local.get $name) (local.get $name_length))
    (call $put (i32.add (local.get $answer) (i32.const 8)) `0.1.0`)
    (call $put (i32.add (local.get $answer) (i32.const 16)) `hyundai-kia-eu`)
    (call $put (i32.add (local.get $answer) (i32.const 24)) (local.get $cells) (i32.const {{cells_count}}))
    {{cells}}
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
    (call $put (local.get $at) (local.get $id) (local.get $id_length))
    (call $put (i32.add (local.get $at) (i32.const 16)) (local.get $name) (local.get $name_length))
    (call $put (i32.add (local.get $at) (i32.const 40)) (call $operations) (i32.const 5)))

  ;; A list of so many vehicles.
  (func $vehicles (param $list i32) (param $count i32) (result i32)
    (local $answer i32)
    (local.set $answer (call $done))
    (call $put (i32.add (local.get $answer) (i32.const 8)) (local.get $list) (local.get $count))
    (local.get $answer))

  (func $cars (result i32)
    (local $list i32)
    (local.set $list (call $allocate (i32.const 96)))
    (call $car (local.get $list) `{{niro}}` `Niro`)
    (call $car (i32.add (local.get $list) (i32.const 48)) `{{ev6}}` `EV6`)
    (call $vehicles (local.get $list) (i32.const 2)))

  ;; -- Exports --

  ;; The account begins each list of parameters; of its services the first one is as good as any.
  (func $enter (param $endpoints i32)
    (global.set $base (i32.load offset=8 (local.get $endpoints)))
    (global.set $base_length (i32.load offset=12 (local.get $endpoints))))

  (func (export "vehicle:connector/connector@0.1.0#describe") (result i32) {{describe}})

  (func $sign_in (export "vehicle:connector/connector@0.1.0#sign-in")
    (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32)
    (call $enter (local.get 8))
    {{sign_in}})

  (func (export "vehicle:connector/connector@0.1.0#refresh")
    (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32)
    (call $enter (local.get 8))
    {{sign_in}})

  (func (export "vehicle:connector/connector@0.1.0#list-vehicles")
    (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32)
    (call $enter (local.get 8))
    {{list}})

  (func $read (result i32) (local $n i32) {{read}})
  (func $lock (result i32) (local $n i32) (local $at i32) {{lock}})

  ;; Reads; locks; whatever else it is told it does well, if nobody holds its cell.
  (func (export "vehicle:connector/connector@0.1.0#execute") (param $arguments i32) (result i32)
    (local $command i32)
    (call $enter (i32.load offset=32 (local.get $arguments)))
    (local.set $command (i32.load8_u offset=64 (local.get $arguments)))
    (if (i32.eqz (local.get $command)) (then (return (call $read))))
    (if (i32.eq (local.get $command) (i32.const 1)) (then (return (call $lock))))
    (call $guard.drop (call $acquire `device` (i64.const 0)))
    (call $done))

  (func (export "vehicle:connector/connector@0.1.0#resume") (param $arguments i32) (result i32)
    (call $enter (i32.load offset=32 (local.get $arguments)))
    {{resume}})

  ;; The policy that it ships with: every failure is an expired token, but for those of the phase refresh (1);
  ;; those are unknown (11). It refreshes once and opens no circuit.
  (func (export "vehicle:connector/policy@0.1.0#describe") (result i32)
    (call $manifest `hostile`))
  (func (export "vehicle:connector/policy@0.1.0#classify") (param $failure i32) (result i32)
    (local $answer i32)
    (local.set $answer (call $done))
    (i32.store8 (local.get $answer)
      (select (i32.const 11) (i32.const 0) (i32.eq (i32.load8_u offset=17 (local.get $failure)) (i32.const 1))))
    (local.get $answer))
  (func (export "vehicle:connector/policy@0.1.0#decide") (param i32) (result i32) (call $done))
  (func (export "vehicle:connector/policy@0.1.0#admit-refresh")
    (param i32 i32 i32 i64 i32 i64 i32 i64 i32 i32 i64 i32 i64 i32 i64) (result i32) (call $done))
  (func (export "vehicle:connector/policy@0.1.0#circuit") (param i32 i32 i32) (result i32) (call $done))

  {{more}})
