//! The types, imports and export glue that `wit-bindgen` makes from `wit/`.
//!
//! The world here is `vehicle-connector` without its `policy`: that export comes with the crate
//! `default-policy`, and the linker joins the two descriptions into one component.

#![allow(
    dead_code,
    missing_docs,
    unsafe_code,
    clippy::undocumented_unsafe_blocks,
    clippy::allow_attributes_without_reason,
    reason = "generated; the documentation is in wit/"
)]

wit_bindgen::generate!({
    inline: "
        package vehicle:hyundai-kia;

        world hyundai-kia {
            import vehicle:connector/http@0.1.0;
            import vehicle:connector/clock@0.1.0;
            import vehicle:connector/mqtt@0.1.0;
            import vehicle:connector/lock@0.1.0;
            import vehicle:connector/log@0.1.0;
            export vehicle:connector/connector@0.1.0;
        }
    ",
    world: "vehicle:hyundai-kia/hyundai-kia",
    path: "../../../wit",
    additional_derives: [PartialEq],
    generate_all,
});

use crate::HyundaiKia;
export!(HyundaiKia with_types_in self);
