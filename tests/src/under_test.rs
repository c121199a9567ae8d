//! The program, built beside the tests that run it: Cargo tells a test only where the binaries of its own
//! package are.

fn main() -> std::process::ExitCode {
    vehicle_connector::cli::main()
}
