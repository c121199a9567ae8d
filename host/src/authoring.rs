//! What the authors of plugins begin with, and how it becomes a component.
//!
//! The folders that authors begin with are `guest/examples`, word for word: they are built and tried as they are.
//!
//! # Layout
//!
//! `language`: what plugins are written in. `template`: the folders. `kit`: what those in Rust stand on. `build`: from a folder to a component.

mod build;
mod kit;
mod language;
mod template;

pub(crate) use self::build::{Built, build};
pub(crate) use self::language::Language;
pub(crate) use self::template::{Beginning, Kind, begin};
