//! `cargo guests build` and `cargo guests check`.

use std::path::Path;
use std::process::ExitCode;

const USAGE: &str = "cargo guests build   rebuild the components of guest/dist\n\
                     cargo guests check   say whether they are those of the sources";

fn main() -> ExitCode {
    // The workspace that this program was built in is the one that it is about.
    let root = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."));
    let result = root
        .canonicalize()
        .map_err(|source| guest_builder::Error::File { path: root.to_owned(), source })
        .and_then(|root| match std::env::args().nth(1).as_deref() {
            Some("build") => build(&root),
            Some("check") => check(&root),
            _ => {
                eprintln!("{USAGE}");
                Ok(ExitCode::from(2))
            }
        });
    result.unwrap_or_else(|error| {
        eprintln!("guests: {error}");
        ExitCode::FAILURE
    })
}

fn build(root: &Path) -> Result<ExitCode, guest_builder::Error> {
    for built in guest_builder::build(root)? {
        println!("{:>8} bytes  {}", built.size, built.path.display());
    }
    Ok(ExitCode::SUCCESS)
}

fn check(root: &Path) -> Result<ExitCode, guest_builder::Error> {
    let reasons = guest_builder::stale(root)?;
    if reasons.is_empty() {
        println!("the components of guest/dist are those of the sources");
        return Ok(ExitCode::SUCCESS);
    }
    for reason in reasons {
        eprintln!("guests: {reason}");
    }
    eprintln!("guests: run `cargo guests build` and commit guest/dist");
    Ok(ExitCode::FAILURE)
}
