//! Deployment packages: what they must be, how they rest, and what is swept up.

use std::io::{Cursor, Write};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::json;
use strongroom_services::lambda::code::{self, CodeUpload};
use strongroom_services::lambda::function::Function;
use strongroom_services::lambda::renewal;
use strongroom_services::records::{Key, Record};
use strongroom_services::secretsmanager::renewal::Renewed;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use super::{PARAMETER, package, request_with, with_function, with_role, zip};
use crate::harness::Service;

const REFUSED: &str =
    "Could not unzip uploaded file. Please check your file, then try to upload again.";
const HOUR: Duration = Duration::from_secs(60 * 60);

fn code_of(zip: &[u8]) -> serde_json::Value {
    json!({"Code": {"ZipFile": BASE64.encode(zip)}})
}

fn archive(write: impl FnOnce(&mut ZipWriter<Cursor<Vec<u8>>>)) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    write(&mut writer);
    writer.finish().unwrap().into_inner()
}

/// The same archive with one name in the place of another, as no honest writer makes it.
fn renamed(zip: Vec<u8>, from: &str, to: &str) -> Vec<u8> {
    assert_eq!(from.len(), to.len());
    let mut zip = zip;
    for at in 0..zip.len() - from.len() {
        if zip[at..at + from.len()] == *from.as_bytes() {
            zip[at..at + from.len()].copy_from_slice(to.as_bytes());
        }
    }
    zip
}

#[test]
fn only_an_archive_that_unpacks_into_a_folder_of_its_own_is_taken() {
    let whole = zip(&[("rotate.py", b"one"), ("lib/a.py", b"two")]);
    let options = SimpleFileOptions::default;
    let link =
        |name: &str, aim: &str| archive(|writer| writer.add_symlink(name, aim, options()).unwrap());
    for (what, zip, is_taken) in [
        ("whole", whole.clone(), true),
        ("an inner link", link("lib/a", "../b"), true),
        ("empty", Vec::new(), false),
        (
            "no archive",
            b"not a zip at all, but long enough to be one".to_vec(),
            false,
        ),
        ("truncated", whole[..whole.len() - 10].to_vec(), false),
        ("without its beginning", whole[20..].to_vec(), false),
        ("no files", archive(|_| ()), false),
        (
            "a path upwards",
            renamed(
                zip(&[("ab/rotate.py", b"")]),
                "ab/rotate.py",
                "../rotate.py",
            ),
            false,
        ),
        (
            "an absolute path",
            renamed(zip(&[("arotate.py", b"")]), "arotate.py", "/rotate.py"),
            false,
        ),
        ("a link upwards", link("a", "../b"), false),
        ("a link to the root", link("a", "/etc/passwd"), false),
        (
            "damaged contents",
            {
                let mut zip = whole.clone();
                let at = zip
                    .windows(9)
                    .position(|window| window == b"rotate.py")
                    .unwrap();
                zip[at + 9] ^= 0xff;
                zip
            },
            false,
        ),
    ] {
        let mut service = with_role();
        let body = request_with(code_of(&zip));
        if is_taken {
            service.lambda("CreateFunction", body);
        } else {
            let refused = service.lambda_refused("CreateFunction", body);
            assert_eq!(refused, (PARAMETER, REFUSED.to_owned()), "{what}");
        }
    }
}

#[test]
fn a_package_that_unpacks_into_too_much_is_refused_whatever_it_says() {
    let bomb = archive(|writer| {
        let zeros = vec![0; 1024 * 1024];
        for file in 0..26 {
            writer
                .start_file(format!("{file}"), SimpleFileOptions::default())
                .unwrap();
            for _ in 0..10 {
                writer.write_all(&zeros).unwrap();
            }
        }
    });
    let mut service = with_role();
    let (code, message) = service.lambda_refused("CreateFunction", request_with(code_of(&bomb)));
    assert_eq!(code, PARAMETER);
    assert!(message.contains("Unzipped size"), "{message}");
}

/// Bytes that don't get smaller.
fn noise(length: usize) -> Vec<u8> {
    let mut state = 1u32;
    let next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    };
    std::iter::repeat_with(next).take(length).collect()
}

fn opened(service: &Service, name: &str) -> Vec<u8> {
    let caller = service.caller();
    let place = Key::lambda_function(&caller.account, &caller.region, name);
    let function = service.read::<Function>(place).unwrap();
    service.with_means(|records, means| {
        let code = code::open(&function, &function.latest.code, records, means);
        code.unwrap().expose().to_vec()
    })
}

#[test]
fn a_package_rests_in_sealed_pieces_and_comes_back_whole() {
    let mut service = with_role();
    let zip = zip(&[
        ("noise", &noise(1_200_000)),
        ("rotate.py", b"a marked text"),
    ]);
    service.lambda("CreateFunction", request_with(code_of(&zip)));
    assert_eq!(service.count("lambda-code"), 3);
    assert_eq!(opened(&service, "rotate"), zip);
    for (_, value) in service.stored() {
        assert!(value.len() < 600 * 1024);
        assert!(!value.windows(9).any(|window| window == b"rotate.py"));
    }
    // The same package again takes no more room.
    let again =
        request_with(json!({"FunctionName": "again", "Code": {"ZipFile": BASE64.encode(&zip)}}));
    service.lambda("CreateFunction", again);
    assert_eq!(service.count("lambda-code"), 3);
    assert_eq!(opened(&service, "again"), zip);
}

fn sweep(service: &mut Service) {
    for (key, _) in service.stored() {
        if key.starts_with(Key::all_lambda_uploads().as_bytes()) {
            let place = Key::from_bytes(key);
            let now = service.now;
            service
                .change(|records| Ok((code::sweep(&place, records, now).unwrap(), ())))
                .unwrap();
        }
    }
}

#[test]
fn what_nothing_refers_to_is_swept_up_after_a_while() {
    let mut service = with_function();
    service.lambda("PublishVersion", json!({"FunctionName": "rotate"}));
    for source in ["two", "three"] {
        let body = json!({"FunctionName": "rotate", "ZipFile": package(source)});
        service.lambda("UpdateFunctionCode", body);
    }
    let left = |service: &Service| (service.count("lambda-upload"), service.count("lambda-code"));
    sweep(&mut service);
    assert_eq!(
        left(&service),
        (3, 3),
        "someone may be about to refer to it"
    );
    service.pass(HOUR);
    sweep(&mut service);
    assert_eq!(
        left(&service),
        (2, 2),
        "that of version 1 and that of $LATEST stay"
    );
    assert_eq!(
        opened(&service, "rotate").len(),
        zip(&[("rotate.py", b"three")]).len()
    );
    service.lambda("DeleteFunction", json!({"FunctionName": "rotate"}));
    sweep(&mut service);
    assert_eq!(left(&service), (0, 0));
}

#[test]
fn what_a_function_holds_is_sealed_anew_and_stays_the_same() {
    let mut service = with_role();
    let variables = json!({"Environment": {"Variables": {"PASSWORD": "hunter2"}}, "Publish": true});
    service.lambda("CreateFunction", request_with(variables));
    let name = json!({"FunctionName": "rotate"});
    let shown = service.lambda("GetFunctionConfiguration", name.clone());
    let package = opened(&service, "rotate");
    let before = service.stored();
    let places = renewal::places();
    let is_sealed = |key: &[u8]| places.iter().any(|place| key.starts_with(place.as_bytes()));
    let mut renewed = 0;
    for (key, _) in before.iter().filter(|(key, _)| is_sealed(key)) {
        let place = Key::from_bytes(key.clone());
        let became =
            service.with_means(|records, means| renewal::renew(&place, None, records, means));
        let Renewed::Changes(changes) = became.unwrap() else {
            panic!("{place:?} was not renewed");
        };
        service.change(|_| Ok((changes, ()))).unwrap();
        renewed += 1;
    }
    assert_eq!(renewed, 2, "a function and a piece of its code");
    let changed = service
        .stored()
        .iter()
        .zip(&before)
        .filter(|(now, then)| now != then)
        .count();
    assert_eq!(changed, renewed);
    assert_eq!(service.lambda("GetFunctionConfiguration", name), shown);
    assert_eq!(opened(&service, "rotate"), package);
}

#[test]
fn an_upload_is_known_by_what_it_holds_alone() {
    let service = with_function();
    let (key, value) = (service.stored().into_iter())
        .find(|(key, _)| key.starts_with(Key::all_lambda_uploads().as_bytes()))
        .unwrap();
    assert!(CodeUpload::decode_at(&key, &value).is_ok());
    let mut elsewhere = key.clone();
    *elsewhere.last_mut().unwrap() ^= 1;
    assert!(CodeUpload::decode_at(&elsewhere, &value).is_err());
}
