"""What only containers have: images, users, links into volumes, files of other users."""

from __future__ import annotations

import json
import shlex
import subprocess
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from mlc import __main__
from mlc.local import inits
from mlc.local.attempts import MAIN, Part
from mlc.local.containers import ContainerRunner
from mlc.local.work import failure
from tests.local.engines import IMAGE, init_problem, maker, podman
from tests.local.workshop import Workshop
from tests.registry import registry

if not podman()[1]:

    @pytest.fixture
    def shop(tmp_path: Path) -> Iterator[Workshop]:
        """A workshop with podman."""
        made = Workshop(tmp_path, maker("podman"))
        yield made
        made.close()

    def body(run: str, more: str = "") -> str:
        """A project with one step that runs a script."""
        return f"steps:\n  a:\n    image: {IMAGE}\n    run: {run!r}\n{more}"

    def containers(shop: Workshop) -> list[str]:
        """The containers of the run of a workshop."""
        return str(shop.runner.ask("ps", "--all", "--format", "{{.Names}}", "--filter", f"label=mlc.run={shop.run_name}").stdout).split()

    def test_containers_are_removed(shop: Workshop) -> None:
        """A container is there until its attempt is disposed of, then nothing is."""
        done = shop.run(body("true"))
        assert containers(shop) == [shop.runner.name_of(done.job, MAIN)]
        done.attempt.dispose()
        assert containers(shop) == []
        assert [path.name for path in done.job.folder.iterdir()] == ["log"]

    def test_containers_of_a_pod_are_removed(shop: Workshop) -> None:
        """Also that of the step, whose network the sidecar shares."""
        beside = f"    init: {{first: {{image: '{IMAGE}', run: 'true'}}}}\n    sidecars: {{side: {{image: '{IMAGE}', run: sleep 1000}}}}\n"
        done = shop.run(body("sleep 1", beside))
        assert done.ended.exit == 0
        assert len(containers(shop)) == 3
        done.attempt.dispose()
        assert containers(shop) == []

    def test_sweep(shop: Workshop) -> None:
        """What a killed run left is removed, what another left is not."""
        shop.run(body("true"))
        other = replace(shop.job(body("true")), run=f"{shop.run_name}-other")
        attempt = shop.runner.start(other, print)
        assert attempt.wait().exit == 0
        shop.runner.sweep(shop.run_name, [])
        assert containers(shop) == []
        found = shop.runner.ask("ps", "-aq", "--filter", f"label=mlc.run={other.run}").stdout.split()
        attempt.dispose()
        assert len(found) == 1

    def test_program_of_the_image(shop: Workshop) -> None:
        """Without a command the image's program runs; this image has none, which is the engine's problem."""
        done = shop.run(f"steps: {{a: {{image: '{IMAGE}', args: [echo, a b]}}}}")
        assert (done.ended.exit, done.log) == (0, "a b\n")
        done = shop.run(f"steps: {{a: {{image: '{IMAGE}'}}}}")
        assert (done.ended.exit, done.ended.lost) == (None, True)
        assert done.ended.message.startswith("podman could not start it: ")

    def test_without_an_init_program(shop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
        """Where there is none, programs run as before, and the notes say what is different."""
        monkeypatch.setattr(inits, "_NAMES", ())
        done = shop.run(body("exit 3"))
        assert done.ended.exit == 3
        assert not any("/mlc/init" in word for word in shop.runner.command(done.job))
        notes = [note for note in shop.runner.notes(_pipeline_of("a")) if "TERM" in note]
        assert len(notes) == 1
        assert notes[0].endswith("up to 10 s; install catatonit")

    def test_image_that_is_not_there(shop: Workshop) -> None:
        """An image that cannot be fetched is the attempt's loss, with what the engine says; `Never` is not fetched."""
        done = shop.run("steps: {a: {image: 'localhost:1/none:1', command: x}}")
        assert (done.ended.exit, done.ended.lost) == (None, True)
        assert done.ended.message.startswith("image `localhost:1/none:1` cannot be fetched: ")
        assert done.log == f"mlc: {done.ended.message}\n"
        what = (
            "image `localhost:1/none:1` cannot be fetched: `images` in mlc.local.yaml maps it to another one, `--runner process` needs none"
        )
        assert failure(done.job.step, done.ended) == what
        never = "images: {n: {ref: 'localhost:1/none:1', pull_policy: Never}}\nsteps: {a: {image: n, command: x}}"
        start = time.monotonic()
        done = shop.run(never)
        assert (done.ended.exit, done.ended.lost) == (None, True)
        assert "cannot be fetched" not in done.ended.message
        assert time.monotonic() - start < 30

    def test_image_of_the_settings(tmp_path: Path) -> None:
        """An image is mapped to another one."""
        made = Workshop(tmp_path, maker("podman"), {"images": {"train": IMAGE}})
        done = made.run("images: {train: 'acme/train:1'}\nsteps: {a: {image: train, command: [cat, /data/from-image]}}")
        made.close()
        assert (done.ended.exit, done.log) == (0, "from the image\n")

    def test_users(shop: Workshop, tmp_path: Path) -> None:
        """A program runs as the user of the spec, who may write to volumes, change inputs and hand over outputs."""
        (tmp_path / "i").write_text("i\n")
        text = f"""
        volumes: {{data: {{claim: data}}, scratch: {{empty_dir: {{}}}}, shm: {{memory: 1Mi}}}}
        steps:
          p: {{image: '{IMAGE}', command: "true", outputs: {{i: /i}}}}
          a:
            image: {IMAGE}
            security: {{run_as_user: 1000, run_as_group: 1234, fs_group: 2345}}
            volumes: {{data: /claim, scratch: /scratch, shm: /shm}}
            inputs: {{i: /mlc/inputs/i}}
            outputs: {{o: /mlc/outputs/o, d: /shm/d}}
            run: |
              id -u; id -g; id -G
              for f in /claim /scratch /shm; do mkdir $f/d; echo 1 > $f/d/x; chmod 700 $f/d; done
              echo more >> /mlc/inputs/i; cat /mlc/inputs/i > /mlc/outputs/o; chmod 600 /mlc/outputs/o
        """
        done = shop.run(text, inputs={"i": tmp_path / "i"})
        assert (done.ended.exit, done.log.split()[:2]) == (0, ["1000", "1234"]), done.log
        assert "2345" in done.log.split()
        assert done.text("/mlc/outputs/o") == "i\nmore\n"
        found = done.collect("/shm/d")
        assert found is not None
        assert (found / "x").read_text() == "1\n"

    def test_group_alone(shop: Workshop) -> None:
        """A group without a user leaves the image's user."""
        assert shop.run(body("id -u; id -g", "    security: {run_as_group: 7}\n")).log.split() == ["0", "7"]

    def test_must_not_be_root(shop: Workshop) -> None:
        """An image that runs as root is not started where the spec forbids that, as on a cluster."""
        done = shop.run(body("echo ran", "    security: {run_as_non_root: true}\n"))
        assert (done.ended.exit, "ran" in done.log.splitlines()) == (None, False)
        assert done.ended.message.startswith(f"it must not run as root, and image `{IMAGE}` does")
        assert shop.run(body("id -u", "    security: {run_as_non_root: true, run_as_user: 1000}\n")).log == "1000\n"

    @pytest.mark.parametrize(
        "make, path",
        [
            ("mkdir /shm/d; echo t > /shm/d/x; ln -s /shm/d/x /o", "/o"),
            ("mkdir /shm/d; echo t > /shm/d/o; ln -s /shm/d /mid", "/mid/o"),
            ("mkdir /shm/d /o; echo t > /shm/d/x; ln -s /shm/d/x /o/x", "/o"),
        ],
    )
    def test_links_into_volumes(shop: Workshop, make: str, path: str) -> None:
        """A link may lead into a volume, which no engine follows by itself."""
        text = f"""
        volumes: {{shm: {{memory: 1Mi}}}}
        steps: {{a: {{image: '{IMAGE}', volumes: {{shm: /shm}}, run: '{make}', outputs: {{o: {path}}}}}}}
        """
        done = shop.run(text)
        assert done.ended.exit == 0, done.log
        found = done.collect(path)
        assert found is not None
        assert (found / "x" if found.is_dir() else found).read_text() == "t\n"

    def test_commas_in_paths(tmp_path: Path) -> None:
        """A folder of this machine may have any name."""
        odd = tmp_path / 'a,b=c:"d"'
        odd.mkdir()
        (odd / "x").write_text("odd\n")
        made = Workshop(odd, maker("podman"), {"volumes": {"data": str(odd)}})
        text = f"volumes: {{data: {{claim: data}}}}\nsteps: {{a: {{image: '{IMAGE}', volumes: {{data: /claim}}, run: 'cat /claim/x'}}}}"
        done = made.run(text)
        made.close()
        assert (done.ended.exit, done.log) == (0, "odd\n")

    def test_limits(shop: Workshop) -> None:
        """Memory and CPU are limited as the spec says; a program that takes more memory is ended."""
        words = shop.runner.command(shop.job(body("true", "    resources: {cpu: 500m, memory: 64Mi, ephemeral_storage: 1Gi}\n")))
        assert words[words.index("--memory") + 1] == str(64 << 20)
        assert words[words.index("--cpus") + 1] == "0.5"
        done = shop.run(body("sh -c 'tail /dev/zero'; exit $?", "    resources: {memory: 32Mi}\n"))
        assert done.ended.exit == 137

    def test_without_limits(tmp_path: Path) -> None:
        """`limits: false` leaves them out, for machines where containers cannot be limited."""
        made = Workshop(
            tmp_path,
            lambda settings, masks, state: ContainerRunner(
                "podman", replace(settings, podman=replace(podman()[0], limits=False)), masks, state
            ),
        )
        job = made.job(body("true", "    resources: {cpu: 500m, memory: 64Mi}\n"))
        assert not {"--memory", "--cpus"} & set(made.runner.command(job))
        assert "`podman: {limits: false}`: memory and CPU are not limited" in made.runner.notes(_pipeline_of(job.step.name))
        made.close()

    def _pipeline_of(name: str) -> object:
        from tests.support import pipeline

        return pipeline(f"steps: {{{name}: {{image: 'acme/x:1', command: x, resources: {{memory: 1Gi}}}}}}")

    def test_time_of_fetching_does_not_count(shop: Workshop) -> None:
        """The timeout is the program's: an image that cannot be fetched is not one that took too long."""
        done = shop.run("steps: {a: {image: 'localhost:1/none:1', command: x, timeout: 1s}}")
        assert (done.ended.lost, done.ended.timed_out) == (True, False)

    def test_secret_that_means_something_to_the_client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """A secret called as a variable of the engine's client cannot be handed over by it, and never by the command line."""
        monkeypatch.setenv("MLC_TEST_TOKEN", "abracadabra")
        made = Workshop(tmp_path, maker("podman"), {"secrets": {"s": {"k": {"env": "MLC_TEST_TOKEN"}}}})
        done = made.run(f"steps: {{a: {{image: '{IMAGE}', command: x, env: {{PATH: {{secret: s, key: k}}}}}}}}")
        made.close()
        assert (done.ended.exit, done.ended.lost) == (None, True)
        assert done.ended.message == "the secret `PATH` cannot be handed over: it means something to podman itself"

    def test_images_of_a_lock_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        """With `--locked` an image is fetched by its digest, whatever its tag is by now, and starts its own program; a mapped one stays."""
        engine = podman()[0]
        base = [engine.program, *engine.options]
        monkeypatch.chdir(tmp_path)
        monkeypatch.setenv("MLC_PODMAN_ARGS", shlex.join(engine.args))
        monkeypatch.setenv("MLC_PODMAN_RUNTIME", engine.runtime)

        def call(*words: str, text: str = "") -> None:
            subprocess.run([*base, *words], input=text, text=True, check=True, capture_output=True)

        def ran(*words: str) -> list[str]:
            assert __main__.main(["run", "--runner", "podman", *words]) == 0
            return [line.partition(" | ")[2] for line in capsys.readouterr().out.splitlines() if " a | " in line and "[pull]" not in line]

        with registry(tmp_path / "registry") as server:
            (tmp_path / "registries.conf").write_text(f'[[registry]]\nlocation = "{server.host}"\ninsecure = true\n')
            monkeypatch.setenv("CONTAINERS_REGISTRIES_CONF", str(tmp_path / "registries.conf"))
            name = f"{server.host}/says:1"
            try:
                for word in ("old", "new"):
                    call("build", "-q", "-t", name, "-f", "-", str(tmp_path), text=f'FROM {IMAGE}\nENTRYPOINT ["echo", "{word}"]\n')
                    call("push", "-q", "--digestfile", f"digest-{word}", name)
                    call("rmi", "-f", name)
                (tmp_path / "mlc.yaml").write_text(f"mlc: v1\nname: demo\nsteps: {{a: {{image: '{name}'}}}}\n")
                entry = {"digest": Path("digest-old").read_text(), "platform": "linux/arm64", "entrypoint": ["false"], "command": []}
                (tmp_path / "mlc.yaml.lock").write_text(f"mlc-lock: v1\nimages: {json.dumps({name: entry})}\n")
                assert ran("--locked") == ["old"]
                assert ran() == ["new"]
                assert ran("--locked") == ["old"]
                (tmp_path / "mlc.local.yaml").write_text(f"images: {{'{name}': '{name}@{Path('digest-new').read_text()}'}}\n")
                assert ran("--locked") == ["new"]
            finally:
                for word in ("old", "new"):
                    digest = Path(f"digest-{word}")
                    subprocess.run([*base, "rmi", "-f", f"{server.host}/says@{digest.read_text()}"], capture_output=True, check=False)

    if not init_problem():

        def test_note_of_the_first_process(shop: Workshop) -> None:
            """With an init program there is nothing to say."""
            assert not any("TERM" in note for note in shop.runner.notes(_pipeline_of("a")))

        def test_sidecars_see_term(shop: Workshop) -> None:
            """A sidecar that knows nothing of TERM ends by it, not by KILL some seconds later."""
            done = shop.run(body("sleep 1", f"    sidecars: {{side: {{image: '{IMAGE}', command: [sleep, '1000']}}}}\n"))
            assert done.ended.exit == 0
            name = shop.runner.name_of(done.job, Part("side"))
            assert shop.runner.ask("container", "inspect", "--format", "{{.State.ExitCode}}", name).stdout.strip() == "143"

        def test_program_of_the_image_with_an_init(shop: Workshop, tmp_path: Path) -> None:
            """An image starts what it starts without one: arguments take the place of its own, its entrypoint stays."""
            name = IMAGE.replace("mlc-test", "mlc-test-says")
            text = f'FROM {IMAGE}\nENTRYPOINT ["sh", "-c", "echo \\"$$ $*\\"", "says"]\nCMD ["a b", "c"]\n'
            (tmp_path / "Containerfile").write_text(text)
            assert shop.runner.ask("build", "-q", "-t", name, str(tmp_path)).returncode == 0
            try:
                done = shop.run(f"steps: {{a: {{image: '{name}'}}}}")
                first, *rest = done.log.split()
                assert (done.ended.exit, first != "1", rest) == (0, True, ["a", "b", "c"])
                assert shop.run(f"steps: {{a: {{image: '{name}', args: [d]}}}}").log.split()[1:] == ["d"]
            finally:
                shop.runner.ask("rmi", "-f", name)
