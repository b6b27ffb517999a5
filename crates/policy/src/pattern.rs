//! Patterns with `*` and `?`, and policy variables in them, compiled once.
//!
//! `*` is any run of characters, `?` any one character. What a variable brings in is literal: a
//! `*` in a tag's value matches a `*` only.

use crate::context::{Context, Saw};
use crate::explain::{Meaning, Wanted};

/// How a pattern's text is to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Style {
    /// No wildcards: the operators with `Equals` in their name.
    Exact,
    /// Wildcards match anything: actions and `StringLike`.
    Like,
    /// The `Resource` element: before the fifth colon a wildcard stays in its segment, unless it
    /// is a `*` that ends the segment, which "can expand to match beyond the colon boundaries".
    /// Source: IAM user guide, JSON policy elements, Resource.
    Resource,
    /// `ArnLike` and `ArnEquals`: each of the six parts by itself, so that a wildcard before the
    /// fifth colon never crosses one.
    Arn,
}

#[derive(Debug, Clone)]
pub(crate) struct Pattern {
    text: Box<str>,
    matcher: Matcher,
}

#[derive(Debug, Clone)]
enum Matcher {
    Everything,
    /// An ARN pattern that does not have six parts.
    Nothing,
    Exact(Box<str>),
    Prefix(Box<str>),
    Glob {
        prefix: Box<str>,
        units: Box<[Unit]>,
    },
    Template {
        pieces: Box<[Piece]>,
        style: Style,
    },
}

/// One step of a pattern. `crosses` says whether a wildcard may match a colon.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unit {
    Char(char),
    One { crosses: bool },
    Run { crosses: bool },
}

#[derive(Debug, Clone)]
enum Piece {
    Unit(Unit),
    Variable {
        key: Box<str>,
        default: Option<Box<str>>,
    },
}

impl Pattern {
    /// Compiles `text`; where `variables` is false, `${` is text like any other.
    ///
    /// # Errors
    /// What is wrong with a variable.
    pub(crate) fn compile(text: &str, style: Style, variables: bool) -> Result<Self, &'static str> {
        let pieces = pieces(text, style, variables)?;
        let has_variable = pieces
            .iter()
            .any(|piece| matches!(piece, Piece::Variable { .. }));
        let matcher = if has_variable {
            Matcher::Template {
                pieces: pieces.into(),
                style,
            }
        } else {
            let units = pieces
                .into_iter()
                .filter_map(|piece| match piece {
                    Piece::Unit(unit) => Some(unit),
                    Piece::Variable { .. } => None,
                })
                .collect();
            classified(units, style).map_or(Matcher::Nothing, compiled)
        };
        Ok(Pattern {
            text: text.into(),
            matcher,
        })
    }

    /// The pattern as its author wrote it.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// Has neither a wildcard nor a variable: matches one text only.
    pub(crate) fn is_fixed(&self) -> bool {
        matches!(self.matcher, Matcher::Exact(_))
    }

    /// Matches every text.
    pub(crate) fn is_everything(&self) -> bool {
        matches!(self.matcher, Matcher::Everything)
    }

    /// The keys of the policy variables in it, in lower case.
    pub(crate) fn variables(&self) -> impl Iterator<Item = &str> {
        let pieces: &[Piece] = match &self.matcher {
            Matcher::Template { pieces, .. } => pieces,
            _ => &[],
        };
        pieces.iter().filter_map(|piece| match piece {
            Piece::Variable { key, .. } => Some(&**key),
            Piece::Unit(_) => None,
        })
    }

    /// Has a variable that the request gives no value for, and no default.
    pub(crate) fn is_unresolved(&self, context: &Context) -> bool {
        match &self.matcher {
            Matcher::Template { pieces, .. } => pieces.iter().any(|piece| match piece {
                Piece::Variable { key, default } => resolve(key, default, context).is_none(),
                Piece::Unit(_) => false,
            }),
            _ => false,
        }
    }

    /// What it asks for in this request, for people to read: there, a wildcard and a `*` that a
    /// variable brought in look alike.
    pub(crate) fn meaning(&self, context: &Context) -> Meaning<'_> {
        let pieces = match &self.matcher {
            Matcher::Template { pieces, .. } => pieces,
            Matcher::Nothing => return Meaning::Unreadable,
            _ => return Meaning::AsWritten,
        };
        let mut text = String::new();
        let mut missing = Vec::new();
        for piece in pieces {
            match piece {
                Piece::Unit(Unit::Char(char)) => text.push(*char),
                Piece::Unit(Unit::One { .. }) => text.push('?'),
                Piece::Unit(Unit::Run { .. }) => text.push('*'),
                Piece::Variable { key, default } => match resolve(key, default, context) {
                    Some(value) => text.push_str(value),
                    None => missing.push(&**key),
                },
            }
        }
        if missing.is_empty() {
            Meaning::Resolved(text)
        } else {
            Meaning::Unresolved(missing)
        }
    }

    /// As written, and what that means in this request.
    pub(crate) fn wanted(&self, context: &Context) -> Wanted<'_> {
        Wanted {
            written: &self.text,
            meaning: self.meaning(context),
        }
    }

    /// As written, whatever that means.
    pub(crate) fn unresolved(&self) -> Wanted<'_> {
        Wanted {
            written: &self.text,
            meaning: Meaning::AsWritten,
        }
    }

    /// Whether it may match where variables of keys that are `open` have whatever value. It never says no where it may.
    pub(crate) fn could_match(
        &self,
        text: &str,
        context: &Context,
        is_open: &dyn Fn(&str) -> bool,
    ) -> bool {
        let Matcher::Template { pieces, .. } = &self.matcher else {
            return self.matches(text, context);
        };
        let mut units = Vec::with_capacity(pieces.len());
        for piece in pieces {
            match piece {
                // What a variable brings in may move the colons that narrow a wildcard.
                Piece::Unit(Unit::One { .. }) => units.push(Unit::One { crosses: true }),
                Piece::Unit(Unit::Run { .. }) => units.push(Unit::Run { crosses: true }),
                Piece::Unit(unit) => units.push(*unit),
                Piece::Variable { key, .. } if is_open(key) => {
                    units.push(Unit::Run { crosses: true });
                }
                Piece::Variable { key, default } => match resolve(key, default, context) {
                    Some(value) => units.extend(value.chars().map(Unit::Char)),
                    None => return false,
                },
            }
        }
        glob(&units, text)
    }

    pub(crate) fn matches(&self, text: &str, context: &Context) -> bool {
        match &self.matcher {
            Matcher::Everything => true,
            Matcher::Nothing => false,
            Matcher::Exact(wanted) => **wanted == *text,
            Matcher::Prefix(prefix) => begins(text, prefix),
            Matcher::Glob { prefix, units } => {
                begins(text, prefix) && glob(units, &text[prefix.len()..])
            }
            Matcher::Template {
                pieces,
                style: Style::Exact,
            } => spells(pieces, text, context),
            Matcher::Template { pieces, style } => expanded(pieces, context)
                .and_then(|units| classified(units, *style))
                .is_some_and(|units| glob(&units, text)),
        }
    }

    /// As [`Pattern::matches`] for a pattern without wildcards, letter case left aside.
    pub(crate) fn matches_ignoring_case(&self, text: &str, context: &Context) -> bool {
        match &self.matcher {
            Matcher::Exact(wanted) => equal_ignoring_case(wanted.chars(), text),
            Matcher::Template { pieces, .. } => expanded(pieces, context).is_some_and(|units| {
                let chars = units.iter().filter_map(|unit| match unit {
                    Unit::Char(char) => Some(*char),
                    Unit::One { .. } | Unit::Run { .. } => None,
                });
                equal_ignoring_case(chars, text)
            }),
            _ => self.matches(text, context),
        }
    }
}

/// ARNs and actions mostly begin alike: the last byte tells most of them apart.
fn begins(text: &str, prefix: &str) -> bool {
    let (text, prefix) = (text.as_bytes(), prefix.as_bytes());
    match prefix.last() {
        None => true,
        Some(last) => text.get(prefix.len() - 1) == Some(last) && text.starts_with(prefix),
    }
}

fn equal_ignoring_case(wanted: impl Iterator<Item = char>, text: &str) -> bool {
    wanted
        .flat_map(char::to_lowercase)
        .eq(text.chars().flat_map(char::to_lowercase))
}

/// Reads a pattern's text into pieces; all wildcards cross colons until they are classified.
fn pieces(text: &str, style: Style, variables: bool) -> Result<Vec<Piece>, &'static str> {
    let mut pieces = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some(char) = rest.chars().next() {
        if variables && let Some(inside) = rest.strip_prefix("${") {
            let (piece, after) = variable(inside)?;
            pieces.push(piece);
            rest = after;
            continue;
        }
        pieces.push(Piece::Unit(match char {
            '*' if style != Style::Exact => Unit::Run { crosses: true },
            '?' if style != Style::Exact => Unit::One { crosses: true },
            char => Unit::Char(char),
        }));
        rest = &rest[char.len_utf8()..];
    }
    Ok(pieces)
}

/// Reads a variable from behind its `${`: `key}`, `key, 'default'}` or an escaped character.
fn variable(inside: &str) -> Result<(Piece, &str), &'static str> {
    let end = inside.find([',', '}']).ok_or("without a closing brace")?;
    let (key, rest) = (inside[..end].trim(), &inside[end..]);
    if key.is_empty() {
        return Err("without a name");
    }
    let (default, rest) = match rest.strip_prefix(',') {
        None => (None, rest),
        Some(rest) => {
            let quoted = rest
                .trim_start()
                .strip_prefix('\'')
                .ok_or("whose default value is not quoted")?;
            let (default, rest) = quoted
                .split_once('\'')
                .ok_or("whose default value has no closing quote")?;
            (Some(default.into()), rest.trim_start())
        }
    };
    let after = rest.strip_prefix('}').ok_or("without a closing brace")?;
    let piece = match (key, &default) {
        ("*", None) => Piece::Unit(Unit::Char('*')),
        ("?", None) => Piece::Unit(Unit::Char('?')),
        ("$", None) => Piece::Unit(Unit::Char('$')),
        _ => Piece::Variable {
            key: key.to_lowercase().into(),
            default,
        },
    };
    Ok((piece, after))
}

fn resolve<'a>(key: &str, default: &'a Option<Box<str>>, context: &'a Context) -> Option<&'a str> {
    match context.lowercase(key) {
        // A key with several values cannot be a variable. Source: IAM user guide, single-valued
        // and multivalued context keys.
        Saw::Values([value]) => Some(value),
        Saw::Values(_) | Saw::Ambiguous => None,
        Saw::Absent => default.as_deref(),
    }
}

/// The pieces of a pattern without wildcards, one after the other, are the text.
fn spells(pieces: &[Piece], text: &str, context: &Context) -> bool {
    let mut rest = text;
    for piece in pieces {
        let after = match piece {
            Piece::Unit(Unit::Char(char)) => rest.strip_prefix(*char),
            Piece::Unit(Unit::One { .. } | Unit::Run { .. }) => None,
            Piece::Variable { key, default } => {
                resolve(key, default, context).and_then(|value| rest.strip_prefix(value))
            }
        };
        let Some(after) = after else { return false };
        rest = after;
    }
    rest.is_empty()
}

fn expanded(pieces: &[Piece], context: &Context) -> Option<Vec<Unit>> {
    let mut units = Vec::with_capacity(pieces.len() + 32);
    for piece in pieces {
        match piece {
            Piece::Unit(unit) => units.push(*unit),
            Piece::Variable { key, default } => {
                units.extend(resolve(key, default, context)?.chars().map(Unit::Char));
            }
        }
    }
    Some(units)
}

/// Decides which wildcards may cross a colon; `None` for an ARN pattern without six parts.
fn classified(mut units: Vec<Unit>, style: Style) -> Option<Vec<Unit>> {
    if matches!(style, Style::Exact | Style::Like) || units == [Unit::Run { crosses: true }] {
        return Some(units);
    }
    let mut colons = 0;
    for index in 0..units.len() {
        if colons == 5 {
            break;
        }
        let ends_segment = matches!(units.get(index + 1), None | Some(Unit::Char(':')));
        match &mut units[index] {
            Unit::Char(':') => colons += 1,
            Unit::Char(_) => {}
            Unit::One { crosses } => *crosses = false,
            Unit::Run { crosses } => *crosses = style == Style::Resource && ends_segment,
        }
    }
    (style == Style::Resource || colons == 5).then_some(units)
}

fn compiled(units: Vec<Unit>) -> Matcher {
    let fixed = units
        .iter()
        .take_while(|unit| matches!(unit, Unit::Char(_)))
        .count();
    let prefix: String = units[..fixed]
        .iter()
        .filter_map(|unit| {
            if let Unit::Char(char) = unit {
                Some(*char)
            } else {
                None
            }
        })
        .collect();
    match &units[fixed..] {
        [] => Matcher::Exact(prefix.into()),
        [Unit::Run { crosses: true }] if prefix.is_empty() => Matcher::Everything,
        [Unit::Run { crosses: true }] => Matcher::Prefix(prefix.into()),
        rest => Matcher::Glob {
            prefix: prefix.into(),
            units: rest.into(),
        },
    }
}

/// Matches in at most quadratic time and without recursion: on a mismatch only the last wildcard
/// of each sort takes one character more, since a wildcard reached earlier in the text can do all
/// that the same one reached later can (for a narrow one: as long as no colon lies between, and
/// a narrow one before it can't cross a colon either).
fn glob(units: &[Unit], text: &str) -> bool {
    let mut at = 0;
    let mut rest = text;
    let mut wide: Option<(usize, &str)> = None;
    let mut narrow: Option<(usize, &str)> = None;
    loop {
        match (units.get(at), split_first(rest)) {
            (Some(Unit::Run { crosses: true }), _) => {
                at += 1;
                if at == units.len() {
                    return true;
                }
                wide = Some((at, rest));
                narrow = None;
                continue;
            }
            (Some(Unit::Run { crosses: false }), _) => {
                at += 1;
                narrow = Some((at, rest));
                continue;
            }
            (Some(Unit::Char(wanted)), Some((char, after))) if *wanted == char => {
                at += 1;
                rest = after;
                continue;
            }
            (Some(Unit::One { crosses }), Some((char, after))) if *crosses || char != ':' => {
                at += 1;
                rest = after;
                continue;
            }
            (None, None) => return true,
            _ => {}
        }
        if let Some((resume, from)) = narrow
            && let Some((char, longer)) = split_first(from)
            && char != ':'
        {
            (at, rest) = (resume, longer);
            narrow = Some((at, rest));
            continue;
        }
        narrow = None;
        let Some((resume, from)) = wide else {
            return false;
        };
        let Some((_, longer)) = split_first(from) else {
            return false;
        };
        (at, rest) = (resume, longer);
        wide = Some((at, rest));
    }
}

fn split_first(text: &str) -> Option<(char, &str)> {
    let mut chars = text.chars();
    chars.next().map(|char| (char, chars.as_str()))
}
