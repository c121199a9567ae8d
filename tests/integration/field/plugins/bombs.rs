//! Small components that stand for much.

use std::fmt::Write as _;
use std::io::Write as _;
use std::process::Command;

use testkit::RealHome;
use testkit::handmade::variant;
use vehicle_connector::deployment::Offer;
use vehicle_connector::plugin::{PluginKind, embedded};

use super::{PROGRAM, objection};

fn parse(text: &str) -> Vec<u8> {
    wat::parse_str(text).unwrap()
}

/// Components that each instantiate the one before so often, from `first` on; the last one is instantiated once.
pub(super) fn nest(first: &str, times: usize, levels: usize) -> Vec<u8> {
    let mut text = format!("(component (component $c0 {first})");
    for level in 1..=levels {
        write!(text, "(component $c{level} (alias outer 1 $c{} (component $x))", level - 1).unwrap();
        for _ in 0..times {
            text.push_str("(instance (instantiate $x))");
        }
        text.push(')');
    }
    write!(text, "(instance (instantiate $c{levels})))").unwrap();
    parse(&text)
}

/// A module of the component, with so many functions of this body.
pub(super) fn functions(count: usize, body: &str) -> Vec<u8> {
    let mut text = "(component (core module ".to_owned();
    for _ in 0..count {
        write!(text, "(func {body})").unwrap();
    }
    text.push_str("))");
    parse(&text)
}

fn module(fields: &str) -> Vec<u8> {
    parse(&format!("(component (core module {fields}))"))
}

const MODULE: &str = "(core module $m)(core instance (instantiate $m))";

/// Closures that hold the one before twice: copied for each of them, though hardly anything is instantiated.
fn closures(levels: usize) -> Vec<u8> {
    let mut text = "(component (component $c0)".to_owned();
    for level in 1..=levels {
        let before = level - 1;
        write!(
            text,
            "(component $c{level} (alias outer 1 $c{before} (component))(alias outer 1 $c{before} (component)))"
        )
        .unwrap();
    }
    parse(&(text + ")"))
}

/// As `nest`, with an instance handed on that is another one each time.
fn with_arguments(levels: usize) -> Vec<u8> {
    let mut text = r#"(component (component $c0 (import "i" (instance)))"#.to_owned();
    for level in 1..=levels {
        write!(
            text,
            r#"(component $c{level} (import "i" (instance)) (alias outer 1 $c{} (component $x))
                 (instance $a) (instance $b)
                 (instance (instantiate $x (with "i" (instance $a))))
                 (instance (instantiate $x (with "i" (instance $b)))))"#,
            level - 1
        )
        .unwrap();
    }
    write!(text, r#"(instance $i)(instance (instantiate $c{levels} (with "i" (instance $i)))))"#).unwrap();
    parse(&text)
}

/// A component that is handed to the next one, which instantiates it twice and hands itself on.
fn handed_on(levels: usize) -> Vec<u8> {
    let mut text = "(component (component $c0)".to_owned();
    for level in 1..=levels {
        write!(
            text,
            r#"(component $f{level} (import "c" (component $x))
                 (component $twice (alias outer 1 $x (component $y)) (instance (instantiate $y)) (instance (instantiate $y)))
                 (export "c" (component $twice)))
               (instance $i{level} (instantiate $f{level} (with "c" (component $c{}))))
               (alias export $i{level} "c" (component $c{level}))"#,
            level - 1
        )
        .unwrap();
    }
    write!(text, "(instance (instantiate $c{levels})))").unwrap();
    parse(&text)
}

/// An instance with many exports, copied many times.
fn copies(exports: usize, copies: usize) -> Vec<u8> {
    let mut text = "(component (component $c)(instance $i ".to_owned();
    for number in 0..exports {
        write!(text, r#"(export "e{number}" (component $c))"#).unwrap();
    }
    text.push(')');
    for number in 0..copies {
        write!(text, r#"(export "i{number}" (instance $i))"#).unwrap();
    }
    parse(&(text + ")"))
}

fn within_one_another(depth: usize) -> Vec<u8> {
    parse(&format!("{}{}", "(component ".repeat(depth), ")".repeat(depth)))
}

cases! {
    /// What unfolds without bound, or is more code than a compiler has memory for, is refused by its number before
    /// anything is compiled: whatever it is that multiplies.
    ["S2"] a_bomb_is_refused_by_its_number_before_it_is_compiled {
        let instances = "components and modules; 1,000 are allowed";
        let table = [
            (nest(MODULE, 2, 30), format!("it instantiates 3,221,225,472 {instances}")),
            (nest("", 2, 30), format!("it instantiates 2,147,483,648 {instances}")),
            (nest(MODULE, 16, 5), format!("it instantiates 2,167,058 {instances}")),
            (nest("", 100, 40), format!("it instantiates more than 18,446,744,073,709,551,615 {instances}")),
            (with_arguments(30), format!("it instantiates more than 1,000 {instances}")),
            (handed_on(40), format!("it instantiates 2,199,023,255,592 {instances}")),
            (closures(30), "instantiating it takes 4,294,967,294 steps; 100,000 are allowed".to_owned()),
            (copies(1_000, 200), "instantiating it takes 202,404 steps; 100,000 are allowed".to_owned()),
            (within_one_another(60), "its components nest 51 deep; 50 are allowed".to_owned()),
            (nest("", 1, 60), "its components nest more than 50 deep; 50 are allowed".to_owned()),
            (functions(100_001, ""), "it has 100,001 functions; 100,000 are allowed".to_owned()),
            (
                functions(101, &format!("(local {})", "i32 ".repeat(50_000))),
                "its functions have 5,050,000 local variables; 5,000,000 are allowed".to_owned(),
            ),
            (
                functions(1, &"(drop (i32.const 1))".repeat(400_000)),
                "one function of it has 1,200,002 bytes; 1,000,000 are allowed".to_owned(),
            ),
            (
                module(&"(table 300000 funcref)".repeat(4)),
                "its tables begin with 1,200,000 elements; 1,000,000 are allowed".to_owned(),
            ),
            (parse(&format!("(component {})", "(core module)".repeat(201))), "it has 201 core modules; 200 are allowed".to_owned()),
            (
                module(&"(global i32 (i32.const 0))".repeat(500_001)),
                "its modules declare 500,001 types, imports, exports, globals and segments; 500,000 are allowed".to_owned(),
            ),
            (
                parse(r#"(component (import "c" (component $c)) (instance (instantiate $c)))"#),
                "this is no WebAssembly component: it instantiates a component that it imports".to_owned(),
            ),
            (parse("(module)"), "this is no WebAssembly component: it is a core module".to_owned()),
        ];
        let (components, expected): (Vec<_>, Vec<_>) = table.into_iter().unzip();
        let mut found = Vec::new();
        for component in components {
            found.push(objection(&component).await.unwrap_or_default());
        }
        assert_eq!(found, expected);
    }

    /// What is large for a reason is compiled: what is carried, 1,000 instances, 100,000 functions.
    ["S2"] what_is_within_the_limits_goes_to_the_compiler {
        let large = [
            embedded::POLICY.to_vec(),
            embedded::HYUNDAI_KIA.to_vec(),
            nest("", 2, 8),
            with_arguments(8),
            handed_on(8),
            closures(10),
            functions(100_000, ""),
        ];
        for component in large {
            assert_eq!(objection(&component).await, None, "{} bytes", component.len());
        }
    }

    /// Bytes that are no component, or the half of one, are refused and nothing else.
    ["S2"] half_a_component_is_none {
        let whole = nest(MODULE, 2, 4);
        for end in 8..whole.len() {
            if let Some(objection) = objection(&whole[..end]).await {
                assert!(objection.starts_with("this is no WebAssembly component: "), "{end}: {objection}");
            }
        }
        for (place, byte) in (8..whole.len()).flat_map(|place| [(place, 0xff), (place, 0), (place, 0x7f)]) {
            let mut broken = whole.clone();
            broken[place] = byte;
            let _refused_or_not = objection(&broken).await;
        }
    }

    /// A host refuses it by whichever way it comes in, leaves the reason on record, and goes on as before.
    ["S2"] a_host_refuses_a_bomb_and_goes_on {
        let home = RealHome::start().await;
        let bomb = nest(MODULE, 2, 30);
        let deployments = home.host.deployments();
        for kind in [PluginKind::Policy, PluginKind::Connector] {
            let offer = Offer::new(bomb.clone(), "test");
            let verified = deployments.verify(kind, None, &offer).await.unwrap_err().to_string();
            let swapped = deployments.swap(kind, None, &offer).await.unwrap_err().to_string();
            let reason = deployments.history(kind, None, 1).await.unwrap().pop().unwrap().reason;
            assert!(verified.contains("3,221,225,472"), "{verified}");
            assert_eq!((swapped, reason), (verified.clone(), Some(verified)));
        }
        home.swap_policy(variant(embedded::POLICY, 1)).await.unwrap();
    }

    /// The program says so too, of a file.
    ["S2"] the_program_refuses_a_bomb_in_a_file {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(&nest(MODULE, 2, 30)).unwrap();
        let ended = Command::new(PROGRAM).args(["policy", "verify", "--offline"]).arg(file.path()).output().unwrap();
        let words = String::from_utf8_lossy(&ended.stderr);
        assert_eq!(ended.status.code(), Some(1), "{words}");
        assert!(words.contains("it instantiates 3,221,225,472 components and modules; 1,000 are allowed"), "{words}");
    }
}
