// A card in JupyterLab's launcher for each course of the student's that has a live service on the hub. It is written as
// JupyterLab reads extensions (a container of modules with `init` and `get`), so that nothing has to be compiled.
(function () {
  "use strict";
  let scope;
  const ICON =
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24"><path fill="none" class="jp-icon3" stroke="currentColor" stroke-width="2" d="M12 15V4m-4 4 4-4 4 4M5 13v6h14v-6"/></svg>';

  // What JupyterLab has of a package, whatever its version.
  async function shared(name) {
    const versions = Object.values(scope[name] || {});
    if (!versions.length) throw new Error(`JupyterLab does not share ${name}`);
    return (await versions[0].get())();
  }

  // Whether the hub has the service: it answers, or sends a browser to log in; the hub itself says 404 of what it has not.
  async function answers(address) {
    try {
      return (await fetch(address, { redirect: "manual" })).status !== 404;
    } catch {
      return false;
    }
  }

  async function extension() {
    const [{ ILauncher }, { PageConfig, URLExt }, { LabIcon }, { ServerConnection }] = await Promise.all(
      ["@jupyterlab/launcher", "@jupyterlab/coreutils", "@jupyterlab/ui-components", "@jupyterlab/services"].map(shared)
    );
    const icon = new LabIcon({ name: "photcourse:live", svgstr: ICON });
    return {
      id: "photcourse-live:card",
      description: "Opens the page on which a student hands in and reads verdicts.",
      autoStart: true,
      requires: [ILauncher],
      activate: (app, launcher) => {
        const hub = PageConfig.getOption("hubPrefix");
        if (!hub) return; // No hub, no services.
        // Not awaited: JupyterLab starts without it.
        (async () => {
          // nbgrader's own list of the courses that this person is in; asked for as JupyterLab asks its server, with its token.
          const server = ServerConnection.makeSettings();
          const listed = await ServerConnection.makeRequest(URLExt.join(server.baseUrl, "courses"), {}, server);
          const courses = listed.ok ? (await listed.json()).value : [];
          for (const course of Array.isArray(courses) ? courses : []) {
            const address = URLExt.join(hub, "..", "services", encodeURIComponent(`${course}-live`), "/");
            if (!(await answers(address))) continue;
            const command = `photcourse-live:${course}`;
            app.commands.addCommand(command, {
              label: `Hand-ins: ${course}`,
              caption: `Assignments of ${course}: hand in, verdicts, feedback`,
              icon,
              execute: () => void window.open(address, "_blank", "noopener"),
            });
            launcher.add({ command, category: "Course", rank: 0 });
          }
        })().catch((problem) => console.warn("The live service was not looked for:", problem));
      },
    };
  }

  window._JUPYTERLAB = window._JUPYTERLAB || {};
  window._JUPYTERLAB["photcourse-live"] = {
    init: (given) => {
      scope = given;
    },
    get: async () => {
      const plugin = await extension();
      return () => ({ __esModule: true, default: plugin });
    },
  };
})();
