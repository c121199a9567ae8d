;; A policy. `text.rs` says what backticks and angle brackets mean; what stands in double braces is what a
;; test puts in its place.
(module
  {{imports}}
  (memory (export "memory") {{pages}})
  {{texts}}

  ;; Memory for arguments, given out and never taken back.
  (global $free (mut i32) (i32.const 8192))
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
    (local $place i32)
    (local.set $place (i32.and (i32.add (global.get $free) (i32.const 7)) (i32.const -8)))
    (global.set $free (i32.add (local.get $place) (local.get 3)))
    (local.get $place))

  (func $put (param $at i32) (param $text i32) (param $length i32)
    (i32.store (local.get $at) (local.get $text))
    (i32.store offset=4 (local.get $at) (local.get $length)))

  ;; A place within the answer.
  (func $at (param $offset i32) (result i32) (i32.add (i32.const 1024) (local.get $offset)))

  (func $manifest (result i32)
    (call $put (i32.const <offset policy.manifest.name>) `{{name}}`)
    (call $put (i32.const <offset policy.manifest.version>) `0.1.0`)
    (i32.const 0))

  ;; Whether a trial asks, in which all tokens are an hour old. To a policy that misbehaves from the start
  ;; nothing is a trial.
  (func $in_trial (param $age i32) (result i32)
    (i32.and (i32.eq (local.get $age) (i32.const 3600000)) (i32.eqz (i32.const {{always}}))))

  (func <export policy#describe> {{describe}})
  (func <export policy#classify>
    (if (result i32) (call $in_trial <get policy#classify failure.token-age.some>)
      (then {{classify_in_trial}}) (else {{classify}})))
  (func $decide <export policy#decide>
    (if (result i32) (call $in_trial <get policy#decide attempt.failure.token-age.some>)
      (then {{decide_in_trial}}) (else {{decide}})))
  (func <export policy#admit-refresh>
    (if (result i32) (call $in_trial <get policy#admit-refresh session.age.some>)
      (then {{admit_in_trial}}) (else {{admit_refresh}})))
  ;; Settings that are all zero open no circuit.
  (func <export policy#circuit> (i32.const 1024))

  {{more}})
