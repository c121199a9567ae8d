use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

proptest! {
    #[test]
    fn no_header_makes_it_panic(
        headers in vec(vec(any::<u8>(), 0..40), 0..4),
        written in vec(
            "[a-c ]?=[a-z;=, ü]{0,9}(; ?(path|domain|max-age|expires|secure)(=[/a-z0-9.-]{0,9})?){0,3}",
            0..4,
        ),
    ) {
        let mut jar = Jar::default();
        let written = written.iter().map(|it| it.as_bytes());
        jar.take_in(&url(EXAMPLE), headers.iter().map(Vec::as_slice).chain(written), now()).unwrap();
        // What goes back is a header's value.
        let back = sent(&jar, EXAMPLE);
        prop_assert!(!back.bytes().any(|byte| byte.is_ascii_control() && byte != b'\t'), "{back:?}");
        prop_assert!(!back.contains('\n'));
    }

    #[test]
    fn the_order_is_by_path_and_age(paths in vec(0_usize..4, 0..12)) {
        let mut jar = Jar::default();
        for (at, depth) in paths.iter().enumerate() {
            let header = format!("c{at}={depth}; Path=/{}", "a/".repeat(*depth));
            jar.take_in(&url(EXAMPLE), [header.as_bytes()], now()).unwrap();
        }
        let mut expected: Vec<_> = paths.iter().enumerate().map(|(at, depth)| (*depth, at)).collect();
        expected.sort_by_key(|(depth, at)| (std::cmp::Reverse(*depth), *at));
        let expected: Vec<_> = expected.iter().map(|(depth, at)| format!("c{at}={depth}")).collect();
        prop_assert_eq!(sent(&jar, "https://www.example.com/a/a/a/a"), expected.join("; "));
    }
}
