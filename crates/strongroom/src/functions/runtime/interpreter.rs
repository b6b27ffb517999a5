//! The machine's own Python and Node.js: where they are, and which folders they need to run.

use std::collections::BTreeSet;
use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde::Deserialize;

use super::settings::RuntimeSettings;

/// An interpreter of this machine.
#[derive(Clone, Debug)]
pub(super) struct Interpreter {
    /// The program itself, not a script that looks for it.
    pub(super) program: PathBuf,
    /// Folders and files that it needs, besides the system's.
    pub(super) readable: BTreeSet<PathBuf>,
    /// Whether it has AWS's own runtime client.
    pub(super) has_runtime_client: bool,
    /// Such as `python3.11` or `nodejs22.x`, for `AWS_EXECUTION_ENV`.
    pub(super) name: String,
}

/// The system's own programs and libraries, as every function sees them.
pub(super) const SYSTEM: &[&str] = &[
    "/usr",
    "/bin",
    "/sbin",
    "/lib",
    "/lib32",
    "/lib64",
    "/nix/store",
    "/gnu/store",
];

/// Asks a Python who it is and what it imports from.
const PYTHON_QUESTION: &str = "
import importlib.util, json, sys
print(json.dumps({
    'program': sys.executable, 'prefixes': [sys.prefix, sys.base_prefix], 'path': sys.path,
    'client': importlib.util.find_spec('awslambdaric') is not None,
    'version': '%d.%d' % sys.version_info[:2],
}))
";
/// Asks a Node.js the same.
const NODE_QUESTION: &str = "
console.log(JSON.stringify({program: process.execPath, prefixes: [], path: [], client: false,
    version: process.versions.node.split('.')[0]}))
";

#[derive(Deserialize)]
struct Told {
    program: PathBuf,
    prefixes: Vec<PathBuf>,
    path: Vec<PathBuf>,
    client: bool,
    version: String,
}

/// The Python that runs functions.
pub(super) fn python(settings: &RuntimeSettings) -> Result<Interpreter, String> {
    let program = settings.python.clone().unwrap_or_else(|| "python3".into());
    let told = ask(&program, "-c", PYTHON_QUESTION, &settings.python_path)
        .map_err(|why| missing("Python", &program, "functions.local.python", &why))?;
    let name = format!("python{}", told.version);
    Ok(interpreter(told, name, &settings.python_path))
}

/// The Node.js that runs functions.
pub(super) fn node(settings: &RuntimeSettings) -> Result<Interpreter, String> {
    let program = settings.node.clone().unwrap_or_else(|| "node".into());
    let told = ask(&program, "-e", NODE_QUESTION, &[])
        .map_err(|why| missing("Node.js", &program, "functions.local.node", &why))?;
    let name = format!("nodejs{}.x", told.version);
    Ok(interpreter(told, name, &[]))
}

fn interpreter(told: Told, name: String, more: &[PathBuf]) -> Interpreter {
    let mut readable: BTreeSet<PathBuf> = BTreeSet::new();
    let real = fs::canonicalize(&told.program).unwrap_or_else(|_| told.program.clone());
    for program in [&told.program, &real] {
        readable.insert(program.clone());
    }
    for prefix in told
        .prefixes
        .iter()
        .filter(|prefix| prefix.parent().is_some())
    {
        // Not all of it: a prefix may be someone's home.
        for part in ["bin", "lib", "lib64", "pyvenv.cfg"] {
            readable.insert(prefix.join(part));
        }
    }
    readable.extend(told.path.into_iter().filter(|path| path.is_absolute()));
    readable.extend(more.iter().cloned());
    readable.retain(|path| path.exists() && !is_system(path));
    Interpreter {
        program: told.program,
        readable,
        has_runtime_client: told.client,
        name,
    }
}

fn is_system(path: &Path) -> bool {
    SYSTEM.iter().any(|folder| path.starts_with(folder))
}

/// Runs an interpreter with a question; a shim such as pyenv's answers with the program that it chooses.
fn ask(program: &Path, flag: &str, question: &str, path: &[PathBuf]) -> Result<Told, String> {
    let mut command = Command::new(program);
    command.arg(flag).arg(question).current_dir("/");
    // An interpreter of the operator's, but it has no need to know the server's environment.
    command
        .env_clear()
        .stdin(Stdio::null())
        .stderr(Stdio::null());
    for (name, value) in env::vars_os() {
        let is_needed = ["PATH", "HOME", "LANG"].iter().any(|known| name == *known)
            || name.to_str().is_some_and(|name| name.starts_with("PYENV_"));
        if is_needed {
            command.env(name, value);
        }
    }
    command.env("PYTHONNOUSERSITE", "1");
    if !path.is_empty() {
        let path = env::join_paths(path).map_err(|error| error.to_string())?;
        command.env("PYTHONPATH", path);
    }
    let output = command.output().map_err(|error| error.to_string())?;
    if !output.status.success() {
        return Err(output.status.to_string());
    }
    serde_json::from_slice(&output.stdout).map_err(|_| "it doesn't say who it is".to_owned())
}

fn missing(what: &str, program: &Path, setting: &str, why: &str) -> String {
    format!(
        "{what} can't be run as {} ({why}): install it, or name it in {setting}",
        program.display()
    )
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use crate::clock::Clock;

    use super::*;

    #[test]
    fn an_interpreter_that_is_not_there_is_named_with_its_setting() {
        let clock = Arc::new(Clock::default());
        let mut settings = RuntimeSettings::new("/nowhere".into(), String::new(), clock);
        settings.python = Some("/nowhere/python3".into());
        let why = python(&settings).unwrap_err();
        assert!(
            why.contains("/nowhere/python3") && why.contains("functions.local.python"),
            "{why}"
        );
    }

    #[test]
    fn a_home_that_is_a_prefix_is_not_shown_as_a_whole() {
        let home = tempfile::tempdir().unwrap();
        for part in ["bin", "lib", ".ssh"] {
            fs::create_dir(home.path().join(part)).unwrap();
        }
        let told = Told {
            program: home.path().join("bin/python3"),
            prefixes: vec![
                home.path().to_owned(),
                PathBuf::from("/"),
                PathBuf::from("/usr"),
            ],
            path: vec![PathBuf::new(), home.path().join("lib")],
            client: false,
            version: "3.12".to_owned(),
        };
        let found = interpreter(told, String::new(), &[]);
        let expected = ["bin", "lib"].map(|part| home.path().join(part));
        assert_eq!(found.readable, BTreeSet::from(expected));
    }
}
