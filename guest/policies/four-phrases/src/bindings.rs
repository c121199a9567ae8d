//! The types and the export glue that `wit-bindgen` makes from `wit/`.

#![allow(
    missing_docs,
    unsafe_code,
    clippy::undocumented_unsafe_blocks,
    clippy::allow_attributes_without_reason,
    reason = "generated; the documentation is in wit/"
)]

wit_bindgen::generate!({
    world: "policy-module",
    path: "../../../wit",
    additional_derives: [PartialEq],
});

use crate::FourPhrases;
export!(FourPhrases with_types_in self);
