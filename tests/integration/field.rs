//! Defects that were found when public bug reports, an audit and a stranger's walk were tried on the program:
//! a case each, with the value that is right. The identifiers are those of the collections: `FC-…` public
//! reports, `S…` the audit, `F…` the walk, `K…` a kind of fault.

/// A table of cases: what is right, the identifiers that it answers, and how that is seen.
macro_rules! cases {
    ($($(#[$meta:meta])* [$($id:literal),+ $(,)?] $name:ident $body:block)*) => {
        /// The identifiers that this table answers.
        pub(in crate::field) const IDS: &[&str] = &[$($($id),+),*];
        $($(#[$meta])* #[tokio::test(flavor = "multi_thread")] async fn $name() $body)*
    };
}

mod broker;
mod captures;
mod certainty;
mod complete;
mod credentials;
mod directory;
mod held;
mod judgement;
mod operation;
mod plausible;
mod plugins;
mod privacy;
mod right_car;
mod time;
mod words;

/// Runs a case in virtual time: on a thread of its own, where waiting takes no time.
fn in_virtual_time<T: Send>(case: impl AsyncFnOnce() -> T + Send) -> T {
    let run = || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build();
        runtime.unwrap().block_on(case())
    };
    std::thread::scope(|scope| match scope.spawn(run).join() {
        Ok(value) => value,
        Err(panic) => std::panic::resume_unwind(panic),
    })
}
