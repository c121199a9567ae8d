//! Messages as plain words, and the patterns that are looked for in them.
//!
//! # Patterns
//!
//! Words in lower case, side by side and whole: `token missing`. An underscore is a space, so that the names
//! of a standard can be patterns. `a|b` is one of several words, `expir*` any word that begins so. `token …
//! expired` wants both sides, in either order, with at most [`REACH`] words between.
//!
//! No pattern reaches over the end of a sentence, nor over the colon or into the brackets behind which a program
//! puts what it was told: "Failed to lock the vehicle: not authorized" says nothing about the authority over a vehicle.
//!
//! # What is no word
//!
//! Addresses, paths and the modules that classes come from: `/oauth2/token` is not about a token. Of an
//! address the query counts if it carries an `error` (RFC 6749 §4.1.2.1).

use alloc::string::String;

/// No vendor explains a failure in more characters; what comes after is a stack trace or a page.
const LONGEST: usize = 4096;

/// How many words may stand between the two sides of a pattern: "the token that you sent has expired".
const REACH: usize = 4;

/// Stands among the words where a sentence ends.
const END: &str = ".";

/// A message as lower-case words, so that one rule matches a sentence, its JSON or Python rendering, a query
/// string, an `UPPER_SNAKE` code and a `CamelCase` exception.
pub(crate) struct Words {
    /// The words with one space between, before and after them.
    text: String,
}

impl Words {
    /// The words of a message.
    pub(crate) fn of(message: &str) -> Self {
        let mut words = Self { text: String::with_capacity(message.len().min(LONGEST) + 2) };
        words.text.push(' ');
        let mut rest = message.char_indices().nth(LONGEST).map_or(message, |(end, _)| &message[..end]);
        while !rest.is_empty() {
            let chunk = rest.find(char::is_whitespace).map_or(rest, |end| &rest[..end]);
            let behind = rest[chunk.len()..].trim_start();
            if chunk.starts_with('(') {
                words.end_sentence();
            }
            words.add_chunk(chunk);
            if ends_sentence(chunk, behind) {
                words.end_sentence();
            }
            rest = behind;
        }
        words
    }

    /// The words of an address.
    pub(crate) fn of_address(address: &str) -> Self {
        let mut words = Self { text: String::with_capacity(address.len().min(LONGEST) + 2) };
        words.text.push(' ');
        words.add(address);
        words
    }

    /// Adds what stands between two spaces, without what is no word of it.
    fn add_chunk(&mut self, chunk: &str) {
        match chunk.find("://") {
            Some(place) => {
                let (before, address) = chunk.split_at(place);
                let scheme = before.trim_end_matches(|letter: char| letter.is_ascii_alphanumeric());
                let end = address.find(['"', '\'', '>', ')', ']', '}', ',', '|']).unwrap_or(address.len());
                let (address, after) = address.split_at(end);
                self.add(scheme);
                if let Some((_, query)) = address.split_once('?').filter(|(_, query)| query.contains("error"))
                {
                    self.add(query);
                }
                self.add_chunk(after);
            }
            None if is_path(chunk) || is_logger(chunk) => self.separate(),
            None => self.add(without_module(chunk)),
        }
    }

    fn separate(&mut self) {
        if !self.text.ends_with(' ') {
            self.text.push(' ');
        }
    }

    fn end_sentence(&mut self) {
        if self.text.len() > 1 {
            self.text.push_str(END);
            self.text.push(' ');
        }
    }

    /// Everything but letters and digits separates words, and so does the start of a new word in `CamelCase`.
    fn add(&mut self, message: &str) {
        let text = &mut self.text;
        let mut before = ' ';
        let mut letters = message.chars().peekable();
        while let Some(letter) = letters.next() {
            let next_is_small = letters.peek().is_some_and(char::is_ascii_lowercase);
            let new_word = letter.is_ascii_uppercase()
                && (before.is_ascii_lowercase() || before.is_ascii_uppercase() && next_is_small);
            let separator = !letter.is_alphanumeric();
            if (new_word || separator) && !text.ends_with(' ') {
                text.push(' ');
            }
            if !separator {
                text.push(letter.to_ascii_lowercase());
            }
            if letter == '%' {
                // What is percent-encoded in a query string is punctuation, mostly.
                for _ in 0..2 {
                    letters.next_if(char::is_ascii_hexdigit);
                }
            }
            before = letter;
        }
        self.separate();
    }

    /// Whether the message says what `pattern` describes.
    pub(crate) fn say(&self, pattern: &str) -> bool {
        match pattern.split_once(" … ") {
            None => self.places(pattern).next().is_some(),
            Some((one, other)) => {
                self.places(one).any(|place| self.is_behind(place, other) || self.is_before(place, other))
            }
        }
    }

    /// Whether the message says what one of `patterns` describes.
    pub(crate) fn say_any(&self, patterns: &[&str]) -> bool {
        patterns.iter().any(|pattern| self.say(pattern))
    }

    /// Where the words of `pattern` stand, as byte ranges that leave out the spaces around.
    fn places<'a>(&'a self, pattern: &'a str) -> impl Iterator<Item = (usize, usize)> + 'a {
        let (first, rest) = pattern.split_once([' ', '_']).unwrap_or((pattern, ""));
        let starts = first.split('|').flat_map(move |word| {
            let stem = word.strip_suffix('*').unwrap_or(word);
            let whole = stem.len() == word.len();
            self.text.match_indices(stem).filter_map(move |(start, _)| {
                let before = self.text.as_bytes().get(start.checked_sub(1)?)?;
                let end = if whole { start + stem.len() } else { self.end_of_word(start)? };
                let after = self.text.as_bytes().get(end)?;
                (!stem.is_empty() && *before == b' ' && *after == b' ').then_some((start, end))
            })
        });
        starts.filter_map(move |(start, end)| Some((start, self.follow(end, rest)?)))
    }

    /// Where the words of `pattern` end if they stand right behind the word that ends at `end`.
    fn follow(&self, mut end: usize, pattern: &str) -> Option<usize> {
        for wanted in pattern.split([' ', '_']).filter(|wanted| !wanted.is_empty()) {
            let start = end + 1;
            end = self.end_of_word(start)?;
            let word = self.text.get(start..end)?;
            let is = |wanted: &str| match wanted.strip_suffix('*') {
                Some(stem) => word.starts_with(stem),
                None => word == wanted,
            };
            if word.is_empty() || !wanted.split('|').any(is) {
                return None;
            }
        }
        Some(end)
    }

    fn end_of_word(&self, start: usize) -> Option<usize> {
        Some(start + self.text.get(start..)?.find(' ')?)
    }

    /// Whether the words of `pattern` stand behind a place, and not far from it.
    fn is_behind(&self, (_, mut end): (usize, usize), pattern: &str) -> bool {
        for _ in 0..=REACH {
            if self.follow(end, pattern).is_some() {
                return true;
            }
            match self.end_of_word(end + 1) {
                Some(next) if self.text.get(end + 1..next) != Some(END) => end = next,
                _ => return false,
            }
        }
        false
    }

    /// Whether the words of `pattern` stand before a place, and not far from it.
    fn is_before(&self, (place, _): (usize, usize), pattern: &str) -> bool {
        let length = pattern.split([' ', '_']).count();
        let mut start = place;
        for _ in 0..REACH + length {
            // The space in front of the word before.
            let Some(space) = start.checked_sub(1).and_then(|space| self.text.get(..space)?.rfind(' '))
            else {
                return false;
            };
            start = space + 1;
            if self.text.get(start..).is_some_and(|rest| rest.starts_with(". ")) {
                return false;
            }
            if self.follow(space, pattern).is_some_and(|end| end < place) {
                return true;
            }
        }
        false
    }
}

/// Whether a sentence, or what a program says of what follows, ends with `chunk`.
fn ends_sentence(chunk: &str, behind: &str) -> bool {
    let mut letters = chunk.chars().rev();
    let mark = letters.next();
    let closes = letters.next().is_some_and(|letter| letter.is_alphanumeric() || matches!(letter, ')' | ']'));
    match mark {
        Some(':' | ';' | '!' | '?') => closes && !behind.is_empty(),
        Some('.') => closes && behind.starts_with(char::is_uppercase),
        _ => false,
    }
}

/// Whether these are the names of a path and nothing else.
fn is_path(chunk: &str) -> bool {
    chunk.starts_with('/') && chunk.matches('/').count() > 1
}

/// Whether this is the name of a logger, as `[package.module]`.
fn is_logger(chunk: &str) -> bool {
    let name = chunk.strip_prefix('[').and_then(|chunk| chunk.strip_suffix(']'));
    name.is_some_and(|name| name.contains('.') && name.chars().all(is_of_name))
}

/// A class without the module that it comes from: `package.module.TokenExpired` says `TokenExpired`.
fn without_module(chunk: &str) -> &str {
    let end = chunk.find(|letter| !is_of_name(letter)).unwrap_or(chunk.len());
    let (name, _) = chunk.split_at(end);
    match name.rfind('.') {
        Some(dot)
            if name.starts_with(|letter: char| letter.is_ascii_lowercase())
                && name[dot + 1..].starts_with(|letter: char| letter.is_ascii_uppercase()) =>
        {
            &chunk[dot + 1..]
        }
        _ => chunk,
    }
}

fn is_of_name(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || matches!(letter, '_' | '.')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn renderings_of_one_sentence_are_the_same_words() {
        for message in [
            "Token is expired",
            "{'error': 'Token is expired'}",
            r#"{"error":"token is EXPIRED"}"#,
            "TOKEN_IS_EXPIRED",
            "TokenIsExpired",
            "error=token+is+expired&x=1",
            "error=token%20is%20expired%2e",
        ] {
            assert!(Words::of(message).say("token is expired"), "{message}");
        }
    }

    #[test]
    fn camel_case_with_acronyms() {
        assert!(Words::of("JSONDecodeError").say("json decode error"));
        assert!(Words::of("MyBMWAuthError").say("my bmw auth error"));
        assert!(Words::of("HTTP").say("http"));
        assert!(Words::of("系统异常，请稍后再试！").say("请稍后*"));
    }

    #[test]
    fn addresses_paths_and_modules_are_no_words() {
        for message in [
            "401 for url (https://id.example/oauth2/token?state=expired) now",
            "401 for url: /oauth2/token/expired now",
            "[acme.token.expired] 401 now",
            "acme.token.expired.ApiFault now",
            "url=URL('https://id.example/token/expired'), 401 now",
        ] {
            let words = Words::of(message);
            assert!(!words.say("token") && !words.say("expired") && words.say("now"), "{message}");
        }
        for message in [
            "acme.errors.TokenExpired: x",
            "https://id.example/?error=token_expired",
            "login.error.token_expired",
        ] {
            assert!(Words::of(message).say("token expired"), "{message}");
        }
        assert!(Words::of_address("https://id.example/auth/login").say("login"));
    }

    #[test]
    fn no_pattern_reaches_over_the_end_of_a_sentence() {
        for message in [
            "Updating the session: expired",
            "The session is over. Expired",
            "session; expired",
            "The session (expired)",
            "(session): expired",
        ] {
            let words = Words::of(message);
            assert!(!words.say("session … expired") && !words.say("session expired"), "{message}");
            assert!(words.say("session") && words.say("expired"), "{message}");
        }
        for message in ["{'session': 'expired'}", "session no. 5 expired", r#""session": "expired""#] {
            assert!(Words::of(message).say("session … expired"), "{message}");
        }
    }

    #[test]
    fn patterns_are_whole_words() {
        let words = Words::of("tokens were unexpired at 14010");
        for absent in ["token", "expired", "4010", "", "tokens expired", "at 14010 x"] {
            assert!(!words.say(absent), "{absent}");
        }
        for present in ["tokens were", "tokens_were", "token|tokens were", "wer* unexp*", "14010"] {
            assert!(words.say(present), "{present}");
        }
    }

    #[test]
    fn two_sides_in_either_order_and_not_far_apart() {
        for message in [
            "Key not authorized: Token is expired",
            "token has EXPIRED",
            "the token that was given expired",
            "Invalid or expired access token",
            "TokenExpiredError",
            "token_expired",
            "expired one two three four token",
        ] {
            assert!(Words::of(message).say("token|jwt … expired"), "{message}");
        }
        assert!(Words::of("request is still in progress").say("request|job … in progress"));
        assert!(Words::of("in progress one two three four request").say("request|job … in progress"));
        for message in [
            "",
            "the command expired",
            "token",
            "expired",
            "token one two three four five expired",
            "expired one two three four five token",
        ] {
            assert!(!Words::of(message).say("token|jwt … expired"), "{message}");
        }
    }
}
