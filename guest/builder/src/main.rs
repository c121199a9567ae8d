//! `cargo guests build`, `cargo guests check`, and `guests component` for crates elsewhere.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

const USAGE: &str = "\
guests build                       rebuild the components of guest/dist and guest/examples/dist
guests check                       say whether they are those of the sources
guests component FOLDER [FILE]     build the component of a crate elsewhere, as FILE or as its name says
guests interfaces FILE             write the package of the interfaces that other tools take";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let result = match arguments[..] {
        ["build"] => root().and_then(|root| build(&root)),
        ["check"] => root().and_then(|root| check(&root)),
        ["component", folder] => component(Path::new(folder), None),
        ["component", folder, file] => component(Path::new(folder), Some(Path::new(file))),
        ["interfaces", file] => root().and_then(|root| interfaces(&root, Path::new(file))),
        _ => {
            eprintln!("{USAGE}");
            Ok(ExitCode::from(2))
        }
    };
    result.unwrap_or_else(|error| {
        eprintln!("guests: {error}");
        ExitCode::FAILURE
    })
}

/// The workspace that this program was built in.
fn root() -> Result<PathBuf, guest_builder::Error> {
    let root = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."));
    root.canonicalize().map_err(|source| guest_builder::Error::File { path: root.to_owned(), source })
}

fn component(folder: &Path, file: Option<&Path>) -> Result<ExitCode, guest_builder::Error> {
    let (component, made) = guest_builder::build_elsewhere(folder)?;
    let path = file.map_or_else(|| component.file().into(), Path::to_owned);
    guest_builder::write(&path, &made.bytes)?;
    println!("{:>8} bytes  {}", made.bytes.len(), path.display());
    Ok(ExitCode::SUCCESS)
}

fn interfaces(root: &Path, path: &Path) -> Result<ExitCode, guest_builder::Error> {
    let bytes = guest_builder::interfaces(root)?;
    guest_builder::write(path, &bytes)?;
    println!("{:>8} bytes  {}", bytes.len(), path.display());
    Ok(ExitCode::SUCCESS)
}

fn build(root: &Path) -> Result<ExitCode, guest_builder::Error> {
    let mut built = guest_builder::build(root)?;
    match guest_builder::build_examples(root) {
        Ok(examples) => built.extend(examples),
        // The host needs none of them.
        Err(guest_builder::Error::NoToolchain(why)) => {
            eprintln!("guests: the examples are left as they are: {why}")
        }
        Err(error) => return Err(error),
    }
    for built in built {
        println!("{:>8} bytes  {}", built.size, built.path.display());
    }
    Ok(ExitCode::SUCCESS)
}

fn check(root: &Path) -> Result<ExitCode, guest_builder::Error> {
    let reasons = guest_builder::stale(root)?;
    if reasons.is_empty() {
        println!("the components of guest/dist and guest/examples/dist are those of the sources");
        return Ok(ExitCode::SUCCESS);
    }
    for reason in reasons {
        eprintln!("guests: {reason}");
    }
    eprintln!("guests: run `cargo guests build` and commit what it changes");
    Ok(ExitCode::FAILURE)
}
