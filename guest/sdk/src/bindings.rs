//! The types and the glue that `wit-bindgen` makes from `wit/`.
//!
//! There are two worlds. That of policies is the interface's own, and that of layers with the feature `layer`, where
//! the types of the policy below are those of the layer. That of connectors is `vehicle-connector`
//! without its `policy`: a connector exports that with the other macro, and the linker joins the two
//! descriptions into one component.

#![allow(
    dead_code,
    missing_docs,
    unsafe_code,
    clippy::undocumented_unsafe_blocks,
    clippy::allow_attributes_without_reason,
    reason = "generated; the documentation is in wit/"
)]

/// The world of layers.
#[cfg(feature = "layer")]
pub mod policy {
    wit_bindgen::generate!({
        inline: "
            package vehicle:sdk;

            world policy-layer {
                import vehicle:connector/policy@0.2.0;
                export vehicle:connector/policy@0.2.0;
            }
        ",
        world: "vehicle:sdk/policy-layer",
        path: "wit",
        additional_derives: [PartialEq],
        generate_all,
        merge_structurally_equal_types: true,
        pub_export_macro: true,
        export_macro_name: "export_policy",
    });
}

/// The world of policies.
#[cfg(not(feature = "layer"))]
pub mod policy {
    wit_bindgen::generate!({
        world: "policy-module",
        path: "wit",
        additional_derives: [PartialEq],
        pub_export_macro: true,
        export_macro_name: "export_policy",
    });
}

/// The world of connectors.
pub mod connector {
    wit_bindgen::generate!({
        inline: "
            package vehicle:sdk;

            world connector-alone {
                import vehicle:connector/http@0.2.0;
                import vehicle:connector/clock@0.2.0;
                import vehicle:connector/mqtt@0.2.0;
                import vehicle:connector/lock@0.2.0;
                import vehicle:connector/log@0.2.0;
                import vehicle:connector/random@0.2.0;
                export vehicle:connector/connector@0.2.0;
            }
        ",
        world: "vehicle:sdk/connector-alone",
        path: "wit",
        additional_derives: [PartialEq],
        generate_all,
        pub_export_macro: true,
        export_macro_name: "export_connector",
    });
}
