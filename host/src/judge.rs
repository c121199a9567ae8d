//! What a failure is: the facts of an answer, and whether it says that a credential is refused.

pub(crate) mod evidence;
pub(crate) mod failure;
