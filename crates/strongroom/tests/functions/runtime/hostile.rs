//! Functions that want more than they may: what the walls around them keep in.
//!
//! Where a wall is `Isolation::Full`'s, the same function is run without it as well, to show that it would get through.

use std::fs;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::net::{SocketAddr, UnixListener};
use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};
use strongroom::functions::FunctionError;
use strongroom::functions::runtime::{Isolation, Language};

use super::{Function, Machine, log_of, processes_of, wait_until};

/// Runs what it is told and answers with what `result` then is.
const OBEYS: &str = r#"
import errno, os, socket, subprocess, sys, time
def attempt(what):
    try:
        return what()
    except OSError as error:
        return errno.errorcode.get(error.errno, type(error).__name__)
def handler(event, context):
    scope = dict(globals(), event=event)
    exec(event["code"], scope)
    return scope["result"]
"#;

fn obeying(name: &str) -> Function {
    Function::python(name, OBEYS)
}

impl Machine {
    fn isolated_by(isolation: Isolation) -> Self {
        Self::with(|settings| settings.isolation = isolation)
    }

    async fn obey(&self, function: &Function, code: &str, mut event: Value) -> Value {
        event["code"] = json!(code);
        let (value, answer) = self.invoke(function, &event.to_string()).await;
        assert_eq!(answer.error, None, "{value} {}", log_of(&answer));
        value
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_function_reads_neither_data_nor_configuration_nor_other_code() {
    const READS: &str = r#"
ways = ["", "/proc/1/root", "/proc/self/root", "/proc/self/cwd/../..", "/var/task/../..", "/tmp/.."]
result = {path: [attempt(lambda: open(way + path).read()) for way in ways] for path in event["paths"]}
"#;
    for isolation in [Isolation::Full, Isolation::None] {
        let machine = Machine::isolated_by(isolation);
        let data = machine.folder.path().join("strongroom.redb");
        fs::write(&data, "marked").unwrap();
        let other = Function::of(
            "other",
            Language::Python,
            "app.handler",
            &[(
                "app.py",
                "marked = 1\ndef handler(event, context): return __file__",
            )],
        );
        machine.invoke(&other, "{}").await;
        let code = fs::read_dir(machine.folder.path().join("functions/code")).unwrap();
        let code = code.flatten().next().unwrap().path().join("app.py");
        let function = obeying("reads");
        let paths = json!({"paths": [data, code, "/etc/shadow", "/etc/machine-id"]});
        let read = machine.obey(&function, READS, paths).await;
        for path in [&data, &code] {
            let found = read[path.to_str().unwrap()].to_string().contains("marked");
            assert_eq!(found, isolation == Isolation::None, "{path:?}: {read}");
        }
        if isolation == Isolation::Full {
            for (path, tries) in read.as_object().unwrap() {
                for tried in tries.as_array().unwrap() {
                    let refused = ["ENOENT", "EACCES", "EPERM", "ENOTDIR"];
                    assert!(
                        refused.iter().any(|error| tried == error),
                        "{path}: {tried}"
                    );
                }
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_hidden_stays_so_within_a_folder_that_is_shown() {
    const READS: &str = r#"
result = [attempt(lambda: open(path).read()) for path in event["paths"]]
"#;
    for is_hidden in [true, false] {
        let shown = tempfile::tempdir().unwrap();
        let (folder, file) = (
            shown.path().join("data"),
            shown.path().join("strongroom.toml"),
        );
        fs::create_dir(&folder).unwrap();
        fs::write(folder.join("store"), "marked").unwrap();
        fs::write(&file, "marked").unwrap();
        let machine = Machine::with(|settings| {
            settings.python_path = vec![shown.path().to_owned()];
            if is_hidden {
                settings.hidden = vec![folder.clone(), file.clone()];
            }
        });
        let paths = json!({"paths": [folder.join("store"), file]});
        let read = machine.obey(&obeying("hidden"), READS, paths).await;
        assert_eq!(!read.to_string().contains("marked"), is_hidden, "{read}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_function_sees_no_process_but_its_own() {
    const LOOKS: &str = r#"
server = str(event["server"])
def own(name):
    try:
        return open("/proc/%s/cmdline" % name, "rb").read()
    except OSError:
        return b""
result = {
    "processes": len([name for name in os.listdir("/proc") if name.isdigit()]),
    "environment": attempt(lambda: len(open("/proc/%s/environ" % server, "rb").read())),
    "memory": attempt(lambda: open("/proc/%s/mem" % server, "rb") and "open"),
    "signal": attempt(lambda: os.kill(int(server), 0) or "sent"),
    "init_memory": attempt(lambda: open("/proc/1/mem", "rb") and "open"),
    "init_environment": attempt(lambda: len(open("/proc/1/environ", "rb").read())),
    "kernel": attempt(lambda: os.listdir("/proc/sys") and "open"),
    "descriptors": sorted(int(name) for name in os.listdir("/proc/self/fd")),
}
"#;
    // As if whoever started the server had left it open for its children.
    let left_open = fs::File::open(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml")).unwrap();
    rustix::io::fcntl_setfd(&left_open, rustix::io::FdFlags::empty()).unwrap();
    // A process id that surely isn't one in the function's own namespace.
    let mut server = Command::new("sleep").arg("60").spawn().unwrap();
    for isolation in [Isolation::Full, Isolation::None] {
        let machine = Machine::isolated_by(isolation);
        let seen = machine
            .obey(&obeying("looks"), LOOKS, json!({"server": server.id()}))
            .await;
        if isolation == Isolation::None {
            assert_eq!(seen["signal"], "sent", "{seen}");
            assert_eq!(seen["memory"], "open", "{seen}");
            continue;
        }
        assert_eq!(seen["processes"], 2, "{seen}");
        for gone in ["environment", "memory", "kernel"] {
            assert_eq!(seen[gone], "ENOENT", "{gone}: {seen}");
        }
        assert_eq!(seen["signal"], "ESRCH", "{seen}");
        for closed in ["init_memory", "init_environment"] {
            assert_eq!(seen[closed], "EACCES", "{closed}: {seen}");
        }
        // Its three streams, the connection to its Runtime API, and the listing itself.
        assert_eq!(seen["descriptors"].as_array().unwrap().len(), 5, "{seen}");
    }
    server.kill().unwrap();
    server.wait().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_function_has_no_rights_and_wins_none() {
    const TRIES: &str = r#"
import ctypes
libc = ctypes.CDLL(None, use_errno=True)
def call(name, *arguments):
    done = getattr(libc, name)(*arguments)
    return "done" if done >= 0 else errno.errorcode[ctypes.get_errno()]
status = dict(line.split(":\t", 1) for line in open("/proc/self/status").read().splitlines() if ":\t" in line)
result = {
    "user": os.getuid(), "capabilities": status["CapEff"], "bound": status["CapPrm"], "new": status["NoNewPrivs"],
    "filter": status["Seccomp"],
    "tries": {
        "setuid": call("setuid", 0),
        "unshare user": call("unshare", 0x10000000),
        "unshare mounts": call("unshare", 0x20000),
        "mount": call("mount", b"none", b"/tmp", b"tmpfs", 0, None),
        "chroot": call("chroot", b"/tmp"),
        "ptrace": call("ptrace", 16, 1, 0, 0),
        "keys": call("syscall", 250, 0, -3, 1),
        "shared memory": call("shmget", 1, 1 << 20, 0o1600),
        "packets": attempt(lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW) and "done"),
        "virtual machine's host": attempt(lambda: socket.socket(socket.AF_VSOCK, socket.SOCK_STREAM) and "done"),
    },
    "nameless memory": call("memfd_create", b"x", 0),
    "clone3": call("syscall", 435, None, 0),
}
"#;
    let machine = Machine::new();
    let seen = machine.obey(&obeying("tries"), TRIES, json!({})).await;
    assert_eq!(seen["user"], 993);
    for none in ["capabilities", "bound"] {
        assert_eq!(seen[none], "0000000000000000", "{seen}");
    }
    assert_eq!((&seen["new"], &seen["filter"]), (&json!("1"), &json!("2")));
    for (what, tried) in seen["tries"].as_object().unwrap() {
        assert!(
            tried == "EPERM" || what == "setuid" && tried == "EINVAL",
            "{what}: {tried}"
        );
    }
    assert_eq!(seen["nameless memory"], "ENOSYS");
    assert_eq!(seen["clone3"], "ENOSYS");
    // Without the filter at least some of it works, though nothing is to be had by it.
    let open = Machine::isolated_by(Isolation::None);
    let seen = open
        .obey(&obeying("tries-in-the-open"), TRIES, json!({}))
        .await;
    assert_eq!(seen["nameless memory"], "done");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_function_writes_to_its_tmp_alone_and_no_more_than_fits() {
    const WRITES: &str = r#"
def write(path):
    with open(path, "wb") as file:
        file.write(b"x")
    return "written"
places = ["/", "/var/task", "/var/runtime", "/usr", "/etc", "/dev", "/var", event["library"]]
result = {place: attempt(lambda: write(place + "/new")) for place in places}
result["own code"] = attempt(lambda: write(__file__))
result["made writable"] = attempt(lambda: os.chmod("/var/task", 0o777))
result["tmp"] = attempt(lambda: write("/tmp/new"))
result["null"] = attempt(lambda: write("/dev/null"))
"#;
    const FILLS: &str = r#"
written = 0
files = 0
def fill(number):
    global written
    with open("/tmp/%d" % number, "wb", buffering=0) as file:
        while True:
            written += file.write(bytes(1 << 20))
full = [attempt(lambda: fill(number)) for number in range(3)]
for number in range(3): os.unlink("/tmp/%d" % number)
def many():
    global files
    while True:
        os.close(os.open("/tmp/f%d" % files, os.O_CREAT))
        files += 1
full.append(attempt(many))
result = {"full": full, "written": written, "files": files}
"#;
    let tmp_bytes = 8 << 20;
    let library = tempfile::tempdir().unwrap();
    let machine = Machine::with(|settings| {
        settings.tmp_bytes = tmp_bytes;
        settings.python_path = vec![library.path().to_owned()];
    });
    let function = obeying("writes");
    let written = machine
        .obey(&function, WRITES, json!({"library": library.path()}))
        .await;
    for (place, how) in written.as_object().unwrap() {
        if place == "tmp" || place == "null" {
            assert_eq!(how, "written", "{place}");
        } else {
            let refused = ["EROFS", "EACCES", "EPERM"];
            assert!(refused.iter().any(|error| how == error), "{place}: {how}");
        }
    }
    assert_eq!(fs::read_dir(library.path()).unwrap().count(), 0);
    let filled = machine.obey(&function, FILLS, json!({})).await;
    for full in filled["full"].as_array().unwrap() {
        assert!(full == "ENOSPC" || full == "EFBIG", "{filled}");
    }
    assert!(filled["written"].as_u64().unwrap() <= tmp_bytes, "{filled}");
    assert!(filled["files"].as_u64().unwrap() < 20_000, "{filled}");
    // It is this process's alone: another one begins with an empty one, but for the library, which lies there.
    let other = obeying("looks-into-tmp");
    let seen = machine
        .obey(
            &other,
            "result = [name for name in os.listdir('/tmp') if not name.startswith('.tmp')]",
            json!({}),
        )
        .await;
    assert_eq!(seen, json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fork_bomb_is_contained_and_gone_at_the_timeout() {
    let machine = Machine::new();
    let source = r#"
import os, time
def handler(event, context):
    while True:
        try:
            os.fork()
        except OSError:
            time.sleep(0.01)
"#;
    let function = Function::python("bomb", source).with(|launch| {
        // Long enough to see it grow on a machine that has other things to do.
        launch.timeout = Duration::from_secs(15);
        launch.memory_mib = 2_048;
    });
    let calm = Function::python("beside", "def handler(event, context): return 'fine'");
    let (bombed, ()) = tokio::join!(machine.invoke(&function, "{}"), async {
        wait_until(|| processes_of("bomb").len() > 20).await;
        assert_eq!(machine.invoke(&calm, "{}").await.0, "fine");
        assert!(processes_of("bomb").len() <= 256);
    });
    assert_eq!(
        bombed.1.error,
        Some(FunctionError::Unhandled),
        "{}",
        bombed.0
    );
    assert!(processes_of("bomb").is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_function_left_running_ends_with_its_process() {
    const LEAVES: &str = r#"
for _ in range(3):
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            while True: time.sleep(60)
        os._exit(0)
result = "left"
"#;
    let machine = Machine::new();
    let function = obeying("leaves");
    assert_eq!(machine.obey(&function, LEAVES, json!({})).await, "left");
    wait_until(|| processes_of("leaves").len() == 4).await;
    // It crashes: nothing stays.
    let crash = json!({"code": "os._exit(1)"}).to_string();
    let (value, _) = machine.invoke(&function, &crash).await;
    assert_eq!(value["errorType"], "Runtime.ExitError");
    assert!(processes_of("leaves").is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_takes_too_much_memory_in_the_background_is_ended_too() {
    const TAKES: &str = r#"
if os.fork() == 0:
    time.sleep(0.3)
    kept = bytearray(400 << 20)
    while True: time.sleep(60)
result = "left"
"#;
    let machine = Machine::new();
    let function = obeying("takes-later");
    assert_eq!(machine.obey(&function, TAKES, json!({})).await, "left");
    wait_until(|| processes_of("takes-later").is_empty()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_answers_for_another_function() {
    const ASKS: &str = r#"
import http.client
api = http.client.HTTPConnection(event["api"], timeout=5)
def ask():
    api.request("GET", "/2018-06-01/runtime/invocation/next")
    return api.getresponse().status
result = attempt(ask)
"#;
    let machine = Machine::new();
    let victim = obeying("victim");
    let address = "result = os.environ['AWS_LAMBDA_RUNTIME_API']";
    let api = machine.obey(&victim, address, json!({})).await;
    // Its own process may ask: a further process of it does, and gives up again.
    let own = machine.obey(&victim, "result = subprocess.call([sys.executable, '-c', 'import http.client, os; api = http.client.HTTPConnection(os.environ[\"AWS_LAMBDA_RUNTIME_API\"]); api.request(\"GET\", \"/none\"); assert api.getresponse().status == 404'])", json!({})).await;
    assert_eq!(own, 0);
    let attacker = obeying("attacker");
    let asked = machine.obey(&attacker, ASKS, json!({"api": api})).await;
    let broken_off = ["ECONNRESET", "RemoteDisconnected", "EPIPE"];
    assert!(broken_off.iter().any(|error| asked == *error), "{asked}");
    // Nor does anyone else on the machine.
    let mut stream = std::net::TcpStream::connect(api.as_str().unwrap()).unwrap();
    let _ = std::io::Write::write_all(
        &mut stream,
        b"GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\n\r\n",
    );
    let mut answer = Vec::new();
    let _ = std::io::Read::read_to_end(&mut stream, &mut answer);
    assert!(answer.is_empty());
    assert_eq!(
        machine.obey(&victim, "result = 'mine'", json!({})).await,
        "mine"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_socket_without_a_file_is_out_of_reach() {
    const CONNECTS: &str = r#"
def connect():
    client = socket.socket(socket.AF_UNIX)
    client.connect("\0" + event["name"])
    return "connected"
result = attempt(connect)
"#;
    let name = format!("strongroom-test-{}", std::process::id());
    let address = SocketAddr::from_abstract_name(&name).unwrap();
    let _listener = UnixListener::bind_addr(&address).unwrap();
    for (isolation, expected) in [(Isolation::Full, "EPERM"), (Isolation::None, "connected")] {
        let machine = Machine::isolated_by(isolation);
        let got = machine
            .obey(&obeying("connects"), CONNECTS, json!({"name": name}))
            .await;
        assert_eq!(got, expected);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_kernels_limits_are_set() {
    const LIMITS: &str = r#"
import resource
names = ["CORE", "NOFILE", "NPROC", "FSIZE", "MSGQUEUE"]
result = {name: list(resource.getrlimit(getattr(resource, "RLIMIT_" + name))) for name in names}
result["priority"] = os.getpriority(os.PRIO_PROCESS, 0)
result["first to go"] = open("/proc/self/oom_score_adj").read().strip()
"#;
    let machine = Machine::with(|settings| settings.tmp_bytes = 1 << 20);
    let seen = machine.obey(&obeying("limits"), LIMITS, json!({})).await;
    for (name, most) in [
        ("CORE", 0),
        ("NOFILE", 1_024),
        ("NPROC", 256),
        ("FSIZE", 1 << 20),
        ("MSGQUEUE", 0),
    ] {
        assert_eq!(seen[name], json!([most, most]), "{name}");
    }
    assert_eq!(seen["priority"], 15);
    assert_eq!(seen["first to go"], "1000");
}

/// Tells the test below that it is the server that is going to be killed.
const SERVES: &str = "STRONGROOM_TEST_SERVES_A_FUNCTION";

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_killed_leaves_no_function() {
    const STAYS: &str = "import time\ndef handler(event, context):\n    time.sleep(600)\n";
    let left_behind = tempfile::tempdir().unwrap();
    for (isolation, name) in [
        (Isolation::Full, "orphan"),
        (Isolation::None, "orphan-in-the-open"),
    ] {
        if let Ok(serves) = std::env::var(SERVES) {
            if serves == name {
                let machine = Machine::isolated_by(isolation);
                machine.invoke(&Function::python(name, STAYS), "{}").await;
            }
            continue;
        }
        let mut server = Command::new(std::env::current_exe().unwrap())
            .args([
                "--exact",
                "functions::runtime::hostile::a_server_that_is_killed_leaves_no_function",
            ])
            .env(SERVES, name)
            .env("TMPDIR", left_behind.path())
            .spawn()
            .unwrap();
        wait_until(|| processes_of(name).len() == 1).await;
        server.kill().unwrap();
        server.wait().unwrap();
        wait_until(|| processes_of(name).is_empty()).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_ordinary_user_keeps_functions_apart_as_well() {
    // The host is started as nobody: what a server of an unprivileged user would start.
    let folder = tempfile::tempdir().unwrap();
    let as_nobody = folder.path().join("as-nobody");
    let program = env!("CARGO_BIN_EXE_strongroom");
    let own = folder.path().join("strongroom");
    fs::copy(program, &own).unwrap();
    let script = format!(
        "#!/bin/sh\nexec setpriv --reuid=65534 --regid=65534 --clear-groups {} \"$@\"\n",
        own.display()
    );
    fs::write(&as_nobody, script).unwrap();
    let open = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    for path in [folder.path(), &as_nobody] {
        fs::set_permissions(path, Clone::clone(&open)).unwrap();
    }
    let machine = Machine::with(|settings| {
        settings.host_program = as_nobody;
        // Root's own Python may be closed to others.
        settings.python = Some("/usr/bin/python3".into());
    });
    for path in ["", "functions", "functions/code", "functions/root"] {
        fs::set_permissions(machine.folder.path().join(path), Clone::clone(&open)).unwrap();
    }
    let marked = machine.folder.path().join("marked");
    fs::write(&marked, "marked").unwrap();
    let code = r#"
status = dict(line.split(":\t", 1) for line in open("/proc/self/status").read().splitlines() if ":\t" in line)
result = {
    "user": os.getuid(), "capabilities": status["CapEff"], "processes": len([name for name in os.listdir("/proc") if name.isdigit()]),
    "read": attempt(lambda: open(event["marked"]).read()), "write": attempt(lambda: open("/var/task/app.py", "w")),
    "tmp": attempt(lambda: open("/tmp/x", "w").write("x")),
}
"#;
    let function = obeying("of-nobody");
    let seen = machine
        .obey(&function, code, json!({"marked": marked}))
        .await;
    assert_eq!(
        seen,
        json!({"user": 993, "capabilities": "0000000000000000", "processes": 2, "read": "ENOENT", "write": "EROFS", "tmp": 1})
    );
    machine.runtime.shut_down().await;
    assert!(processes_of("of-nobody").is_empty());
}
