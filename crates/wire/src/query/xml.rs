//! An operation's answer in XML, written while its JSON is read: nothing is built in between.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use crate::error_body::escape_xml;
use crate::request_id::RequestId;

/// The answer of an operation that went well. `result` is its response as JSON, or nothing where it has none: an
/// object is elements, a list `member` elements, null no element. A list of the name `entry` is a map's entries, which
/// stand beside each other.
///
/// # Errors
/// `result` is no JSON.
pub fn answer(
    xmlns: &str,
    operation: &str,
    result: &[u8],
    request_id: &RequestId,
) -> Result<Vec<u8>, serde_json::Error> {
    // Elements take more room than members.
    let mut out = String::with_capacity(256 + 2 * result.len());
    out.push_str(&format!(r#"<{operation}Response xmlns="{xmlns}">"#));
    if !result.is_empty() {
        let name = format!("{operation}Result");
        let mut json = serde_json::Deserializer::from_slice(result);
        let element = Element {
            name: &name,
            out: &mut out,
        };
        element.deserialize(&mut json)?;
        json.end()?;
    }
    out.push_str("<ResponseMetadata><RequestId>");
    out.push_str(request_id.as_str());
    out.push_str(&format!(
        "</RequestId></ResponseMetadata></{operation}Response>"
    ));
    Ok(out.into_bytes())
}

/// The name of a map's entries. Source: AWS Query protocol in the Smithy specification, Map serialization.
const ENTRY: &str = "entry";

/// A place for one element, which is what comes next in the JSON.
struct Element<'o> {
    name: &'o str,
    out: &'o mut String,
}

impl Element<'_> {
    fn open(&mut self) {
        self.out.push('<');
        self.out.push_str(self.name);
        self.out.push('>');
    }

    fn close(&mut self) {
        self.out.push_str("</");
        self.out.push_str(self.name);
        self.out.push('>');
    }

    fn text(mut self, text: &str) {
        self.open();
        escape_xml(text, self.out);
        self.close();
    }
}

impl<'de> DeserializeSeed<'de> for Element<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Element<'_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a JSON value")
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<(), E> {
        self.text(if value { "true" } else { "false" });
        Ok(())
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<(), E> {
        self.text(&value.to_string());
        Ok(())
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<(), E> {
        self.text(&value.to_string());
        Ok(())
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<(), E> {
        self.text(&value.to_string());
        Ok(())
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<(), E> {
        self.text(value);
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut items: A) -> Result<(), A::Error> {
        let is_map = self.name == ENTRY;
        if !is_map {
            self.open();
        }
        loop {
            let item = Element {
                name: if is_map { ENTRY } else { "member" },
                out: self.out,
            };
            if items.next_element_seed(item)?.is_none() {
                break;
            }
        }
        if !is_map {
            self.close();
        }
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut members: A) -> Result<(), A::Error> {
        self.open();
        while let Some(name) = members.next_key::<String>()? {
            members.next_value_seed(Element {
                name: &name,
                out: self.out,
            })?;
        }
        self.close();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_its_members_as_elements_and_the_request_id() {
        for (json, result) in [
            ("", ""),
            ("{}", "<GetXResult></GetXResult>"),
            (
                r#"{"User":{"Name":"a<b>","Path":"/","Gone":null},"IsTruncated":false,"Count":2,"Users":[]}"#,
                "<GetXResult><User><Name>a&lt;b&gt;</Name><Path>/</Path></User><IsTruncated>false</IsTruncated>\
                 <Count>2</Count><Users></Users></GetXResult>",
            ),
            (
                r#"{"Tags":[{"Key":"a","Value":""},{"Key":"b"}],"Names":["x","y"]}"#,
                "<GetXResult><Tags><member><Key>a</Key><Value></Value></member><member><Key>b</Key></member></Tags>\
                 <Names><member>x</member><member>y</member></Names></GetXResult>",
            ),
            (
                r#"{"Map":{"entry":[{"key":"a","value":1},{"key":"b","value":2}]},"None":{"entry":[]}}"#,
                "<GetXResult><Map><entry><key>a</key><value>1</value></entry><entry><key>b</key><value>2</value></entry>\
                 </Map><None></None></GetXResult>",
            ),
        ] {
            let id = RequestId::from_bytes([0; 16]);
            let written = answer("https://x/", "GetX", json.as_bytes(), &id).unwrap();
            let expected = format!(
                "<GetXResponse xmlns=\"https://x/\">{result}<ResponseMetadata>\
                 <RequestId>00000000-0000-4000-8000-000000000000</RequestId></ResponseMetadata></GetXResponse>"
            );
            assert_eq!(str::from_utf8(&written).unwrap(), expected);
        }
    }

    #[test]
    fn what_is_no_json_is_no_answer() {
        for json in ["{", "{}x", "x"] {
            assert!(answer("x", "X", json.as_bytes(), &RequestId::from_bytes([0; 16])).is_err());
        }
    }
}
