//! The parent's side: starting a child, feeding it, and loading the code that it made.

use std::os::unix::process::ExitStatusExt as _;
use std::process::{ExitStatus, Stdio};

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::{ChildStdin, Command};
use wasmtime::Engine;
use wasmtime::component::Component;

use super::work::REFUSED;
use super::{Child, CompilerFault, CompilerLimits};
use crate::{redact, sandbox};

/// Longest part that is read of a failed child's error output, in bytes.
const LONGEST_REASON: u64 = 8 << 10;

/// Longest part of that which is quoted, in bytes.
const LONGEST_QUOTE: usize = 256;

/// Words of the allocator before it gives up.
const OUT_OF_MEMORY: &str = "memory allocation of";

impl Child {
    /// Compiles a component to code that [`load`] takes. The child is killed when the caller no longer waits
    /// for it.
    pub(super) async fn compile(&self, component: &[u8]) -> Result<Vec<u8>, CompilerFault> {
        let wall = self.allowance.wall;
        // The run is dropped when its time is over, with everything in it, the child included.
        match tokio::time::timeout(wall, self.run(component)).await {
            Ok(made) => made,
            Err(_elapsed) => Err(CompilerFault::TooSlow(wall)),
        }
    }

    async fn run(&self, component: &[u8]) -> Result<Vec<u8>, CompilerFault> {
        let CompilerLimits { code: most, .. } = self.allowance;
        let mut child = Command::new(&self.program)
            .args(&self.arguments)
            .arg0(env!("CARGO_PKG_NAME"))
            // Secrets of this process's environment are not for a compiler. It has no descriptor of this
            // process either: all are opened to be closed when another program is executed.
            .env_clear()
            // A build that measures its coverage writes the result when it ends, and a compiler may write no
            // file.
            .env("LLVM_PROFILE_FILE", "/dev/null")
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            // Signals of a terminal to the host, a hang-up above all, do not reach its compiler.
            .process_group(0)
            .spawn()
            .map_err(CompilerFault::NotStarted)?;
        let (Some(input), Some(output), Some(words)) =
            (child.stdin.take(), child.stdout.take(), child.stderr.take())
        else {
            return Err(CompilerFault::Died("it has no input or output".to_owned()));
        };
        // All at once: a child that is stuck on one of them would keep the others waiting. The input stays
        // open until the last word is read. An output that exceeds its limit is closed, which ends the
        // writer.
        let (input, (code, words)) = tokio::join!(feed(input, component), async {
            tokio::join!(read(output, most), read(words, LONGEST_REASON))
        });
        if code.len() as u64 > most {
            return Err(CompilerFault::TooMuchCode(most));
        }
        let ended = child.wait().await.map_err(CompilerFault::NotStarted)?;
        drop(input);
        if ended.success() { Ok(code) } else { Err(self.fault(ended, &String::from_utf8_lossy(&words))) }
    }

    fn fault(&self, ended: ExitStatus, words: &str) -> CompilerFault {
        let CompilerLimits { memory, processor, .. } = self.allowance;
        match (ended.code(), ended.signal()) {
            (Some(code), _) if code == i32::from(REFUSED) => CompilerFault::Refused(words.to_owned()),
            (_, Some(libc::SIGXCPU)) => CompilerFault::Processor(processor),
            (_, Some(libc::SIGABRT)) if words.contains(OUT_OF_MEMORY) => CompilerFault::Memory(memory),
            _ => {
                let words = redact::cut(redact::one_line(words.trim()).into_owned(), LONGEST_QUOTE);
                CompilerFault::Died(match words.as_str() {
                    "" => ended.to_string(),
                    words => format!("{ended}: {words}"),
                })
            }
        }
    }
}

/// Hands a component over, and returns the input, still open. A child that does not take all of it will say
/// why.
async fn feed(mut input: ChildStdin, component: &[u8]) -> ChildStdin {
    let length = (component.len() as u64).to_le_bytes();
    if input.write_all(&length).await.is_ok() {
        let _it_ended = input.write_all(component).await;
    }
    input
}

/// Reads to the end, or one byte more than is allowed. Returns the bytes read before an error, if there is
/// one.
async fn read(from: impl AsyncRead + Unpin, most: u64) -> Vec<u8> {
    let mut read = Vec::new();
    let _as_far_as_it_goes = from.take(most.saturating_add(1)).read_to_end(&mut read).await;
    read
}

/// Loads a component from the code that a child has made.
pub(super) fn load(engine: &Engine, code: &[u8]) -> Result<Component, CompilerFault> {
    // SAFETY: The code must be what this version of wasmtime has serialised. It comes out of the pipe of a
    // process that this one has started, from the program that it was told to: its own file, or one whose
    // caller answers for it. No other process can write to the pipe, and the child ended by itself and
    // without an error, so that the code is whole. Code for another version, another configuration or another
    // processor is refused by wasmtime.
    #[expect(unsafe_code, reason = "the only place where code is taken over that this process has not made")]
    let loaded = unsafe { Component::deserialize(engine, code) };
    loaded.map_err(|error| CompilerFault::Unfit(sandbox::cause(&error)))
}
