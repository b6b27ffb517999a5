//! `responseElements`: what a response says, in CloudTrail's spelling and without anything that it discloses.
//!
//! A response is serialized once more, by a serializer of its own: it names members as CloudTrail does, writes instants as
//! CloudTrail does, and leaves out whatever is a [`crate::disclosed::Disclosed`]. So a new operation can't tell a secret
//! by mistake: the type in which a secret leaves is the one that no event has.

use std::fmt::{self, Display};

use jiff::fmt::strtime;
use serde::ser::{
    self, Impossible, Serialize, SerializeMap, SerializeSeq, SerializeStruct, SerializeTuple,
    Serializer,
};

use super::told::push_member_name;
use crate::json_text::push_quoted;
use crate::time::Timestamp;

/// The name of the newtype around what no event tells.
pub(crate) const WITHHELD: &str = "strongroom::Withheld";
/// The name of the newtype around seconds since 1970.
pub(crate) const EPOCH_SECONDS: &str = "strongroom::EpochSeconds";
/// The name of the newtype around an instant as a text.
pub(crate) const INSTANT_TEXT: &str = "strongroom::Instant";

/// A response as its event tells it: a JSON object, or `None` for one that has no members.
pub fn of<T: Serialize + ?Sized>(response: &T) -> Option<Vec<u8>> {
    let mut json = Vec::with_capacity(512);
    let written = response.serialize(&mut Elements {
        json: &mut json,
        instant: false,
    });
    let is_told = written.is_ok_and(|written| written) && json.starts_with(b"{") && json != b"{}";
    is_told.then_some(json)
}

/// An instant as CloudTrail writes those of requests and responses: `Jan 31, 2026, 11:59:59 PM`.
///
/// Source: AWS KMS Developer Guide, CreateKey (CloudTrail log entries); older entries have no comma behind the year.
pub fn instant(instant: Timestamp) -> String {
    let second = jiff::Timestamp::from_second(instant.seconds());
    let second = second.unwrap_or(jiff::Timestamp::MAX);
    strtime::format("%b %-d, %Y, %-I:%M:%S %p", second).unwrap_or_default()
}

/// What could not be written; nobody is shown it.
#[derive(Debug)]
pub struct NotTold;

impl Display for NotTold {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("not told")
    }
}

impl std::error::Error for NotTold {}

impl ser::Error for NotTold {
    fn custom<T: Display>(_: T) -> Self {
        NotTold
    }
}

/// Answers whether anything was written: what is withheld isn't, and then neither is the name before it.
struct Elements<'j> {
    json: &'j mut Vec<u8>,
    /// What comes is an instant, whatever it looks like.
    instant: bool,
}

type Written = Result<bool, NotTold>;

impl Elements<'_> {
    fn raw(&mut self, bytes: &[u8]) -> Written {
        self.json.extend_from_slice(bytes);
        Ok(true)
    }

    fn plain(&mut self, value: impl Display) -> Written {
        self.raw(value.to_string().as_bytes())
    }
}

/// The members of something that was begun.
struct Members<'j> {
    json: &'j mut Vec<u8>,
    close: &'static [u8],
    /// Where a map's entry begins.
    entry: usize,
    /// Whether a map's keys are names of members.
    are_named: bool,
}

impl<'j> Members<'j> {
    fn begin(json: &'j mut Vec<u8>, open: &[u8], close: &'static [u8]) -> Result<Self, NotTold> {
        json.extend_from_slice(open);
        Ok(Members {
            json,
            close,
            entry: 0,
            are_named: false,
        })
    }

    fn separate(&mut self) {
        if !matches!(self.json.last(), Some(b'{' | b'[')) {
            self.json.push(b',');
        }
    }

    fn value(&mut self, value: &(impl Serialize + ?Sized), start: usize) -> Result<(), NotTold> {
        let written = value.serialize(&mut Elements {
            json: self.json,
            instant: false,
        })?;
        if !written {
            self.json.truncate(start);
        }
        Ok(())
    }

    fn member(&mut self, name: &str, value: &(impl Serialize + ?Sized)) -> Result<(), NotTold> {
        let start = self.json.len();
        self.separate();
        push_member_name(name, self.json);
        self.json.push(b':');
        self.value(value, start)
    }

    fn item(&mut self, value: &(impl Serialize + ?Sized)) -> Result<(), NotTold> {
        let start = self.json.len();
        self.separate();
        self.value(value, start)
    }

    fn close(self) -> Written {
        self.json.extend_from_slice(self.close);
        Ok(true)
    }
}

impl<'a> Serializer for &'a mut Elements<'_> {
    type Ok = bool;
    type Error = NotTold;
    type SerializeSeq = Members<'a>;
    type SerializeTuple = Members<'a>;
    type SerializeTupleStruct = Impossible<bool, NotTold>;
    type SerializeTupleVariant = Impossible<bool, NotTold>;
    type SerializeMap = Members<'a>;
    type SerializeStruct = Members<'a>;
    type SerializeStructVariant = Impossible<bool, NotTold>;

    fn serialize_bool(self, value: bool) -> Written {
        self.plain(value)
    }
    fn serialize_i8(self, value: i8) -> Written {
        self.plain(value)
    }
    fn serialize_i16(self, value: i16) -> Written {
        self.plain(value)
    }
    fn serialize_i32(self, value: i32) -> Written {
        self.plain(value)
    }
    fn serialize_i64(self, value: i64) -> Written {
        self.plain(value)
    }
    fn serialize_u8(self, value: u8) -> Written {
        self.plain(value)
    }
    fn serialize_u16(self, value: u16) -> Written {
        self.plain(value)
    }
    fn serialize_u32(self, value: u32) -> Written {
        self.plain(value)
    }
    fn serialize_u64(self, value: u64) -> Written {
        self.plain(value)
    }
    fn serialize_f32(self, value: f32) -> Written {
        self.serialize_f64(f64::from(value))
    }
    fn serialize_f64(self, value: f64) -> Written {
        if self.instant {
            // A float that is out of range becomes the nearest end of the range.
            let at = Timestamp::from_milliseconds((value * 1000.0).round() as i64);
            push_quoted(&instant(at), self.json);
            return Ok(true);
        }
        serde_json::to_writer(&mut *self.json, &value).map_err(|_| NotTold)?;
        Ok(true)
    }
    fn serialize_char(self, value: char) -> Written {
        self.serialize_str(value.encode_utf8(&mut [0; 4]))
    }
    fn serialize_str(self, value: &str) -> Written {
        let at = self.instant.then(|| value.parse::<jiff::Timestamp>().ok());
        match at.flatten() {
            Some(at) => {
                let at = Timestamp::from_milliseconds(at.as_millisecond());
                push_quoted(&instant(at), self.json);
            }
            None => push_quoted(value, self.json),
        }
        Ok(true)
    }
    /// No event has bytes.
    fn serialize_bytes(self, _: &[u8]) -> Written {
        Ok(false)
    }
    fn serialize_none(self) -> Written {
        self.raw(b"null")
    }
    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Written {
        value.serialize(self)
    }
    fn serialize_unit(self) -> Written {
        self.raw(b"null")
    }
    fn serialize_unit_struct(self, _: &'static str) -> Written {
        self.raw(b"null")
    }
    fn serialize_unit_variant(self, _: &'static str, _: u32, variant: &'static str) -> Written {
        self.serialize_str(variant)
    }
    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        value: &T,
    ) -> Written {
        match name {
            WITHHELD => Ok(false),
            EPOCH_SECONDS | INSTANT_TEXT => value.serialize(&mut Elements {
                json: self.json,
                instant: true,
            }),
            _ => value.serialize(self),
        }
    }
    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        value: &T,
    ) -> Written {
        let mut members = Members::begin(self.json, b"{", b"}")?;
        members.member(variant, value)?;
        members.close()
    }
    fn serialize_seq(self, _: Option<usize>) -> Result<Members<'a>, NotTold> {
        Members::begin(self.json, b"[", b"]")
    }
    fn serialize_tuple(self, _: usize) -> Result<Members<'a>, NotTold> {
        Members::begin(self.json, b"[", b"]")
    }
    fn serialize_tuple_struct(
        self,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeTupleStruct, NotTold> {
        Err(NotTold)
    }
    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeTupleVariant, NotTold> {
        Err(NotTold)
    }
    /// A structure with flattened members comes as a map of unknown length, and no true map does.
    fn serialize_map(self, length: Option<usize>) -> Result<Members<'a>, NotTold> {
        let mut members = Members::begin(self.json, b"{", b"}")?;
        members.are_named = length.is_none();
        Ok(members)
    }
    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Members<'a>, NotTold> {
        Members::begin(self.json, b"{", b"}")
    }
    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeStructVariant, NotTold> {
        Err(NotTold)
    }
}

impl SerializeSeq for Members<'_> {
    type Ok = bool;
    type Error = NotTold;
    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), NotTold> {
        self.item(value)
    }
    fn end(self) -> Written {
        self.close()
    }
}

impl SerializeTuple for Members<'_> {
    type Ok = bool;
    type Error = NotTold;
    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), NotTold> {
        self.item(value)
    }
    fn end(self) -> Written {
        self.close()
    }
}

/// A map's keys are data and stay as they are.
impl SerializeMap for Members<'_> {
    type Ok = bool;
    type Error = NotTold;
    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), NotTold> {
        self.entry = self.json.len();
        self.separate();
        let key = serde_json::to_value(key).map_err(|_| NotTold)?;
        match key.as_str() {
            Some(name) if self.are_named => push_member_name(name, self.json),
            Some(key) => push_quoted(key, self.json),
            None => push_quoted(&key.to_string(), self.json),
        }
        self.json.push(b':');
        Ok(())
    }
    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), NotTold> {
        self.value(value, self.entry)
    }
    fn end(self) -> Written {
        self.close()
    }
}

impl SerializeStruct for Members<'_> {
    type Ok = bool;
    type Error = NotTold;
    fn serialize_field<T: Serialize + ?Sized>(
        &mut self,
        name: &'static str,
        value: &T,
    ) -> Result<(), NotTold> {
        self.member(name, value)
    }
    fn end(self) -> Written {
        self.close()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde::Serialize;
    use strongroom_keys::SecretBytes;

    use super::*;
    use crate::disclosed::Disclosed;
    use crate::time::{epoch_seconds, iso8601};

    #[derive(Serialize)]
    #[serde(rename_all = "PascalCase")]
    struct Response {
        #[serde(rename = "ARN")]
        arn: &'static str,
        #[serde(rename = "KMSKeyId")]
        kms_key_id: Option<u8>,
        first: Disclosed,
        listed: Vec<Inner>,
        by_name: BTreeMap<String, Disclosed>,
        kept: BTreeMap<String, String>,
        #[serde(serialize_with = "epoch_seconds::serialize")]
        made: Timestamp,
        #[serde(serialize_with = "iso8601::serialize")]
        ends: Timestamp,
        last: Disclosed,
    }

    #[derive(Serialize)]
    #[serde(rename_all = "PascalCase")]
    struct Inner {
        value: Disclosed,
        #[serde(flatten)]
        more: More,
    }

    #[derive(Serialize)]
    #[serde(rename_all = "PascalCase")]
    struct More {
        is_there: bool,
    }

    #[test]
    fn what_is_disclosed_is_left_out_wherever_it_is() {
        let secret = || Disclosed::Text(SecretBytes::copy_of(b"MARKED"));
        let response = Response {
            arn: "arn",
            kms_key_id: None,
            first: secret(),
            listed: vec![Inner {
                value: secret(),
                more: More { is_there: true },
            }],
            by_name: BTreeMap::from([("A".to_owned(), secret())]),
            kept: BTreeMap::from([("Key".to_owned(), "\"v\"".to_owned())]),
            made: Timestamp::from_milliseconds(1_700_006_399_877),
            ends: Timestamp::from_milliseconds(1_700_000_000_000),
            last: Disclosed::Binary(SecretBytes::copy_of(b"MARKED")),
        };
        let told = String::from_utf8(of(&response).unwrap()).unwrap();
        assert_eq!(
            told,
            "{\"arn\":\"arn\",\"kMSKeyId\":null,\"listed\":[{\"isThere\":true}],\"byName\":{},\
             \"kept\":{\"Key\":\"\\\"v\\\"\"},\"made\":\"Nov 14, 2023, 11:59:59 PM\",\
             \"ends\":\"Nov 14, 2023, 10:13:20 PM\"}"
        );
        // A client gets all of it.
        assert!(serde_json::to_string(&response).unwrap().contains("MARKED"));
    }

    #[test]
    fn what_has_no_members_to_tell_is_told_as_nothing() {
        assert_eq!(of(&()), None);
        assert_eq!(of(&["x"]), None);
        let alone = BTreeMap::from([("A", Disclosed::Text(SecretBytes::copy_of(b"x")))]);
        assert_eq!(of(&alone), None);
    }
}
