//! Masking of mail addresses.

/// Mask in the place of an address.
const MASK: &str = "***@***";

/// Forms of the sign between the two parts of an address: plain, and in the encodings that answers are quoted in.
const AT: [&str; 3] = ["@", "%40", "\\u0040"];

/// Replaces every mail address: what stands around an `@` without a blank, with a point behind it.
#[must_use]
pub fn mask_mails(text: &str) -> String {
    let mut masked = String::with_capacity(text.len());
    let mut rest = text;
    loop {
        let next = AT.iter().filter_map(|at| Some((find(rest, at)?, at.len()))).min();
        let Some((at, length)) = next else { break };
        let (before, after) =
            (rest.get(..at).unwrap_or_default(), rest.get(at + length..).unwrap_or_default());
        let name = before.rfind(|c| !is_of_name(c)).map_or(0, |end| end + char_length(before, end));
        let domain = after.find(|c| !is_of_domain(c)).unwrap_or(after.len());
        let is_address = name < before.len()
            && after.get(..domain).is_some_and(|domain| domain.trim_matches('.').contains('.'));
        if is_address {
            masked.push_str(before.get(..name).unwrap_or_default());
            masked.push_str(MASK);
            rest = after.get(domain..).unwrap_or_default();
        } else {
            masked.push_str(rest.get(..at + length).unwrap_or_default());
            rest = after;
        }
    }
    masked.push_str(rest);
    masked
}

fn find(text: &str, at: &str) -> Option<usize> {
    text.find(at)
}

fn char_length(text: &str, at: usize) -> usize {
    text.get(at..).and_then(|rest| rest.chars().next()).map_or(1, char::len_utf8)
}

fn is_of_name(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '.' | '_' | '-' | '+' | '%' | '*')
}

fn is_of_domain(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '.' | '-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_go_and_other_signs_stay() {
        for (text, masked) in [
            ("anna.b+car@mail.example.org", "***@***"),
            ("<ünal@exämple.de>, x", "<***@***>, x"),
            ("u=anna%40example.org&p", "u=***@***&p"),
            ("a@b.de b@c.de", "***@*** ***@***"),
            ("root@localhost", "root@localhost"),
            ("at 5 @ 7.5 V", "at 5 @ 7.5 V"),
            ("@", "@"),
            ("", ""),
        ] {
            assert_eq!(mask_mails(text), masked, "{text}");
        }
    }
}
