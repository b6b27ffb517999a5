//! A policy's text with some of its principals under other names, and otherwise as it was written.

use crate::json::{Node, Shape};
use crate::malformed::{Malformed, Path};

/// The policy with each `AWS` principal for which `rename` answers under that name. All else stays as
/// it is, white space included; a text that is no policy stays so too.
pub fn rename_principals(text: &str, mut rename: impl FnMut(&str) -> Option<String>) -> String {
    let mut places = Vec::new();
    if find(text, &mut places).is_err() {
        return text.to_owned();
    }
    let mut renamed = String::with_capacity(text.len());
    let mut done = 0;
    for (name, node) in places {
        let Some(new) = rename(&name) else { continue };
        let span = node.span(text);
        renamed.push_str(&text[done..span.start]);
        renamed.push_str(&serde_json::Value::String(new).to_string());
        done = span.end;
    }
    renamed.push_str(&text[done..]);
    renamed
}

/// Each `AWS` principal with its place, in the order of the text.
fn find<'a>(text: &'a str, places: &mut Vec<(String, Node<'a>)>) -> Result<(), Malformed> {
    let at = &Path::ROOT;
    for statements in members(Node::root(text)?, &["Statement"])? {
        let statements = match statements.read(at)? {
            Shape::Array(statements) => statements,
            _ => vec![statements],
        };
        for statement in statements {
            for who in members(statement, &["Principal", "NotPrincipal"])? {
                for named in members(who, &["AWS"])? {
                    let names = match named.read(at)? {
                        Shape::Array(names) => names,
                        _ => vec![named],
                    };
                    for node in names {
                        places.push((node.text(at)?, node));
                    }
                }
            }
        }
    }
    Ok(())
}

/// An object's members of these names; none of what is no object, such as the principal `"*"`.
fn members<'a>(node: Node<'a>, wanted: &[&str]) -> Result<Vec<Node<'a>>, Malformed> {
    let Shape::Object(members) = node.read(&Path::ROOT)? else {
        return Ok(Vec::new());
    };
    let wanted = members
        .into_iter()
        .filter(|(name, _)| wanted.contains(&name.as_str()));
    Ok(wanted.map(|(_, node)| node).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_principals_are_renamed_and_all_else_stays_as_it_was_written() {
        let rename = |name: &str| match name {
            "one" => Some("1 \"x\"".to_owned()),
            "three" => Some("3".to_owned()),
            _ => None,
        };
        for (text, expected) in [
            (
                r#"{"Statement": {"Principal" : {"AWS": "one"},"Action":"one"}}"#,
                r#"{"Statement": {"Principal" : {"AWS": "1 \"x\""},"Action":"one"}}"#,
            ),
            (
                r#"{"Statement":[{"NotPrincipal":{"Service":"one","AWS":[ "one" ,"two","th\u0072ee"]}},
                    {"Principal":"*","Condition":{"ArnLike":{"aws:PrincipalArn":"one"}}},
                    {"Principal":{"AWS":["three"]}}], "Id": "one"}"#,
                r#"{"Statement":[{"NotPrincipal":{"Service":"one","AWS":[ "1 \"x\"" ,"two","3"]}},
                    {"Principal":"*","Condition":{"ArnLike":{"aws:PrincipalArn":"one"}}},
                    {"Principal":{"AWS":["3"]}}], "Id": "one"}"#,
            ),
            ("{", "{"),
            (
                r#"{"Statement":{"Principal":{"AWS":[1]}}}"#,
                r#"{"Statement":{"Principal":{"AWS":[1]}}}"#,
            ),
        ] {
            assert_eq!(rename_principals(text, rename), expected);
        }
    }
}
