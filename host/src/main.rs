//! The program. Everything is in the library, so that tests can run it too.

fn main() -> std::process::ExitCode {
    vehicle_connector::cli::main()
}
