//! Which server runs a function.

use std::sync::Arc;

use strongroom::clock::Clock;
use strongroom::credentials::Credentials;
use strongroom::functions::outside::{Address, CredentialSource, Endpoint};
use strongroom::functions::resolution::FunctionSettings;
use strongroom::functions::{Invocation, NotInvoked, Outcome};
use strongroom::node::{Assembly, Node};
use strongroom_keys::{Keyring, RootKey, SecretBytes, SystemEntropy};
use strongroom_services::lambda::elsewhere::FunctionPattern;
use strongroom_services::lambda::function_arn::FunctionArn;
use strongroom_store::embedded::{Embedded, Options};

use super::scripted::{Scripted, ok};
use super::wait;

struct World {
    node: Arc<Node>,
    _folder: tempfile::TempDir,
}

impl World {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Embedded::open(&Options::new(folder.path())).unwrap();
        let node = Node::assemble(Assembly {
            store: Arc::new(store),
            keyring: Keyring::new(RootKey::generate(&SystemEntropy)),
            entropy: Box::new(SystemEntropy),
            clock: Clock::default(),
            record_cache_bytes: 1 << 20,
            dev: true,
            seal_file: None,
        });
        World {
            node: node.unwrap(),
            _folder: folder,
        }
    }

    fn invoke(&self, name: &str) -> Outcome {
        let arn = format!("arn:aws:lambda:us-east-1:123456789012:function:{name}");
        let invocation = Invocation {
            function: FunctionArn::parse(&arn).unwrap(),
            payload: SecretBytes::copy_of(b"{}"),
        };
        wait(self.node.functions().invoke(&self.node, invocation))
    }
}

fn endpoint(server: &Scripted) -> Endpoint {
    let credentials = Credentials {
        access_key_id: "AKIAOUTSIDE".to_owned(),
        secret_access_key: SecretBytes::copy_of(b"secret"),
        session_token: None,
    };
    let address = Address::parse(&server.url()).unwrap();
    Endpoint::new(address, CredentialSource::Given(credentials), None).unwrap()
}

fn pattern(text: &str) -> FunctionPattern {
    FunctionPattern::parse(text).unwrap()
}

/// Answers its own name, so often.
fn answering(name: &str, times: usize) -> Scripted {
    Scripted::start(vec![ok("", &format!("\"{name}\"")); times])
}

#[test]
fn the_first_pattern_that_matches_counts_and_the_default_comes_last() {
    let world = World::new();
    let (one, two, rest) = (
        answering("one", 9),
        answering("two", 9),
        answering("rest", 9),
    );
    world.node.answer_functions(FunctionSettings {
        endpoints: vec![
            (pattern("*:function:a-*"), endpoint(&one)),
            (pattern("*:function:a-2"), endpoint(&two)),
            (pattern("*:function:b"), endpoint(&two)),
        ],
        everything_else: Some(endpoint(&rest)),
        ..FunctionSettings::default()
    });
    for (name, answered_by) in [
        ("a-1", "one"),
        ("a-2", "one"),
        ("a-2:live", "one"),
        ("b", "two"),
        ("b:$LATEST", "two"),
        ("c", "rest"),
    ] {
        let answer = world.invoke(name).unwrap();
        let expected = format!("\"{answered_by}\"");
        assert_eq!(answer.payload.expose(), expected.as_bytes(), "{name}");
    }
}

#[test]
fn what_nothing_answers_for_is_missing() {
    let world = World::new();
    let one = answering("one", 1);
    world.node.answer_functions(FunctionSettings {
        endpoints: vec![(pattern("*:function:a"), endpoint(&one))],
        everything_else: None,
        ..FunctionSettings::default()
    });
    let refused = world.invoke("b").unwrap_err();
    assert!(
        matches!(&refused, NotInvoked::Missing(arn) if arn.ends_with(":function:b")),
        "{refused:?}"
    );
    let refused = World::new().invoke("a").unwrap_err();
    assert!(matches!(refused, NotInvoked::Missing(_)), "{refused:?}");
    assert!(one.received().is_empty());
}

#[test]
fn a_built_in_function_is_asked_of_nobody_outside() {
    let world = World::new();
    let rest = answering("rest", 1);
    world.node.answer_functions(FunctionSettings {
        endpoints: vec![(pattern("*"), endpoint(&rest))],
        everything_else: Some(endpoint(&rest)),
        ..FunctionSettings::default()
    });
    let _ = world.invoke("strongroom-nothing-of-this-name");
    assert!(rest.received().is_empty());
}
