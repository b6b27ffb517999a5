//! Help teaches, errors say what to do.

use super::run;

#[test]
fn every_command_says_what_it_does_and_shows_how() {
    let definition = strongroom::cli::definition();
    let commands: Vec<&str> = definition
        .get_subcommands()
        .map(clap::Command::get_name)
        .collect();
    assert_eq!(
        commands,
        [
            "dev",
            "serve",
            "init",
            "admin",
            "access",
            "rotation",
            "keys",
            "audit",
            "backup",
            "restore",
            "doctor",
            "version",
            "completions"
        ]
    );
    for command in commands {
        let (status, help, _) = run(&[command, "--help"]);
        assert_eq!(status, 0);
        let has_flags = !["version"].contains(&command);
        assert!(
            !has_flags || help.contains("Examples:"),
            "{command} shows no example:\n{help}"
        );
    }
    let (_, help, _) = run(&["--help"]);
    assert!(
        help.contains("strongroom dev --env-file strongroom.env"),
        "{help}"
    );
}

#[test]
fn every_argument_is_explained() {
    fn check(command: &clap::Command) {
        for argument in command
            .get_arguments()
            .filter(|argument| !argument.is_hide_set())
        {
            assert!(
                argument.get_help().is_some(),
                "{} {}",
                command.get_name(),
                argument.get_id()
            );
        }
        assert!(command.get_about().is_some(), "{}", command.get_name());
        command.get_subcommands().for_each(check);
    }
    check(&strongroom::cli::definition());
    strongroom::cli::definition().debug_assert();
}

#[test]
fn the_version_is_told_in_both_ways() {
    let expected = format!("strongroom {}\n", env!("CARGO_PKG_VERSION"));
    assert_eq!(run(&["version"]), (0, expected.clone(), String::new()));
    assert_eq!(run(&["--version"]), (0, expected, String::new()));
}

#[test]
fn completions_are_there_for_the_usual_shells() {
    for shell in ["bash", "zsh", "fish"] {
        let (status, script, _) = run(&["completions", shell]);
        assert_eq!(status, 0);
        assert!(
            script.contains("doctor") && script.contains("env-file"),
            "{shell}"
        );
    }
}

#[test]
fn a_mistake_is_answered_with_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("strongroom.toml");
    std::fs::write(&config, "[server]\nlisen = \"127.0.0.1:1\"\n").unwrap();
    let config = config.to_str().unwrap();
    let nowhere = folder.path().join("nowhere");
    let nowhere = nowhere.to_str().unwrap();
    let cases: &[(&[&str], i32, &str)] = &[
        (&["serv"], 2, "'serve'"),
        (&["serve"], 2, "--config <FILE>"),
        (&["doctor"], 2, "--config <FILE>"),
        (&["dev", "--account-id", "12"], 2, "exactly 12 digits"),
        (&["dev", "--region", "Nowhere!"], 2, "us-east-1"),
        (&["dev", "--listen", "4599"], 2, "invalid socket address"),
        (&["dev", "--listen", "192.0.2.1:1"], 1, "--listen"),
        (&["dev", "--log-level", "much"], 1, "debug"),
        (&["dev", "--seed", nowhere], 1, "check --seed"),
        (&["serve", "--config", nowhere], 1, "check --config"),
        (
            &["serve", "--config", config],
            1,
            "line 2: `server.lisen` is no key of the configuration; did you mean `server.listen`?",
        ),
        (
            &["admin", "--data-dir", nowhere, "account", "list"],
            1,
            "--data-dir",
        ),
    ];
    for (arguments, status, expected) in cases {
        let (found, output, error) = run(arguments);
        assert_eq!(found, *status, "{arguments:?}: {error}");
        assert!(
            error.starts_with("error: ") && error.contains(expected),
            "{arguments:?}: {error}"
        );
        assert!(output.is_empty(), "{arguments:?}: {output}");
    }
}
