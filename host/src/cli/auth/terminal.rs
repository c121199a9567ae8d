//! Questions on a terminal. What is typed without being shown is read byte by byte, so that Ctrl-C ends the question
//! and not the program, which would leave the terminal without an echo.

use std::io::{self, BufRead as _, IsTerminal as _, Write as _};

use secrecy::SecretString;
#[cfg(unix)]
use secrecy::zeroize::Zeroizing;

/// Whether what is typed is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::cli) enum Echo {
    On,
    Off,
}

/// Longest line that is typed, in bytes.
const LONGEST: usize = 16 << 10;

/// Bytes that edit a line, or end it.
const INTERRUPT: u8 = 0x03;
const END: u8 = 0x04;
const BACKSPACE: u8 = 0x08;
const KILL: u8 = 0x15;
const DELETE: u8 = 0x7f;

/// Shows a line.
pub(in crate::cli) fn say(line: &str) -> io::Result<()> {
    writeln!(io::stderr(), "{line}")
}

/// Asks, and returns the line that is typed; none if there is none to come.
pub(in crate::cli) fn ask(prompt: &str, echo: Echo) -> io::Result<Option<String>> {
    #[cfg(unix)]
    if echo == Echo::Off && io::stdin().is_terminal() {
        return Ok(unseen(prompt)?.map(|line| line.trim().to_owned()));
    }
    let _shown = echo;
    show(prompt)?;
    let mut line = String::new();
    let read = io::stdin().lock().read_line(&mut line)?;
    Ok((read > 0).then(|| line.trim().to_owned()))
}

/// Asks for a password, and returns it as it is typed; none if there is none to come. It is not shown.
pub(in crate::cli) fn ask_password(prompt: &str) -> io::Result<Option<SecretString>> {
    #[cfg(unix)]
    {
        Ok(unseen(prompt)?.map(|line| line.as_str().into()))
    }
    #[cfg(not(unix))]
    Ok(ask(&format!("{prompt}(shown as it is typed) "), Echo::On)?.map(Into::into))
}

fn show(prompt: &str) -> io::Result<()> {
    write!(io::stderr(), "{prompt}")?;
    io::stderr().flush()
}

/// Asks for a line that is not shown, and ends the line on the terminal.
#[cfg(unix)]
fn unseen(prompt: &str) -> io::Result<Option<Zeroizing<String>>> {
    let typed = hidden::line(prompt);
    say("")?;
    typed
}

#[cfg(unix)]
mod hidden {
    use std::io::{self, Read as _};

    use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
    use secrecy::zeroize::Zeroizing;

    /// The terminal as it was, put back when this is dropped.
    struct Before(Termios);

    impl Drop for Before {
        fn drop(&mut self) {
            // There is nobody to tell, and nothing else to do.
            let _put_back = tcsetattr(io::stdin(), OptionalActions::Flush, &self.0);
        }
    }

    /// Asks for a line that is not shown; none if it is ended by Ctrl-C or Ctrl-D.
    pub(super) fn line(prompt: &str) -> io::Result<Option<Zeroizing<String>>> {
        let before = Before(tcgetattr(io::stdin())?);
        let mut quiet = before.0.clone();
        quiet.local_modes -= LocalModes::ECHO | LocalModes::ICANON | LocalModes::ISIG;
        tcsetattr(io::stdin(), OptionalActions::Flush, &quiet)?;
        // Asked when nothing is shown any more: who answers at once is not shown, and loses nothing.
        super::show(prompt)?;
        super::typed(io::stdin().lock().bytes())
    }
}

/// Returns the line that these bytes spell, as a terminal would have edited it.
fn typed(bytes: impl Iterator<Item = io::Result<u8>>) -> io::Result<Option<Zeroizing<String>>> {
    // As much as there may be, so that no part of it is left behind where it has outgrown its place.
    let mut line = Zeroizing::new(Vec::with_capacity(LONGEST));
    for byte in bytes {
        match byte? {
            b'\n' | b'\r' => return Ok(Some(Zeroizing::new(String::from_utf8_lossy(&line).into_owned()))),
            INTERRUPT => return Ok(None),
            END if line.is_empty() => return Ok(None),
            END => {}
            BACKSPACE | DELETE => {
                line.pop();
            }
            KILL => line.clear(),
            byte if line.len() < LONGEST => line.push(byte),
            _ => {}
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_what_a_terminal_would_have_made_of_it() {
        for (bytes, line) in [
            (&b"123456\n"[..], Some("123456")),
            (b" 12\x7f3\x08456 \r", Some(" 1456 ")),
            (b"wrong\x15right\n", Some("right")),
            (b"12\x03456\n", None),
            (b"\x04", None),
            (b"1\x042\n", Some("12")),
            (b"12", None),
        ] {
            let read = typed(bytes.iter().map(|byte| Ok(*byte))).unwrap();
            assert_eq!(read.as_deref().map(String::as_str), line, "{bytes:?}");
        }
    }
}
