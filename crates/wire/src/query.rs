//! The query protocol of IAM and STS: parameters of a form in, XML out.
//!
//! Both ends are JSON on the inner side, so that an operation reads its request and writes its answer alike whatever
//! its service's protocol: [`Form::to_json`] makes the document that a form spells, [`answer`] spells a document in
//! XML. Numbers and flags are texts in a form; whoever reads the document takes them so.
//!
//! Source: AWS Query protocol in the Smithy specification; reference/kms-iam-sts.md §B1 and §C5.

mod form;
mod xml;

pub use form::{Form, MalformedForm};
pub use xml::answer;
