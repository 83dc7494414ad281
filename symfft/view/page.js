function (K3D, scene) {
  "use strict";
  const world = K3D.getWorld();
  const json = (name) => world.ObjectsListJson[scene.ids[name]];
  const [a, b, c] = scene.lattice;
  // columns of the matrix from fractional coordinates to Å, one after the other
  const matrix = [...a, 0, ...b, 0, ...c, 0, 0, 0, 0, 1];

  async function redraw(name) {
    await K3D.reload(json(name), null, true);
    const object = K3D.getObjectById(scene.ids[name]);
    if (object && ["positive", "negative"].includes(name)) {
      // drawn in fractional coordinates; k3d itself would drop the shear of an oblique cell
      object.matrixAutoUpdate = false;
      object.matrix.fromArray(matrix);
      object.updateMatrixWorld(true);
    }
  }

  // ---- grids --------------------------------------------------------------------------------------------------------

  const raw = [], closed = [], negated = [];

  function rawGrid(i) {
    if (!raw[i]) {
      const grid = scene.grids[i];
      if (grid.difference) {
        const [a, b] = grid.difference.map(rawGrid);
        raw[i] = a.map((value, n) => value - b[n]);
      } else {
        const packed = Uint8Array.from(atob(grid.data), (c) => c.charCodeAt(0));
        raw[i] = new Float32Array(fflate.unzlibSync(packed).buffer);
        delete grid.data;
      }
    }
    return raw[i];
  }

  // the grid with its first layers once more behind the last, x fastest
  function closedGrid(i) {
    if (!closed[i]) {
      const [nx, ny, nz] = scene.grids[i].shape, values = rawGrid(i);
      const data = new Float32Array((nx + 1) * (ny + 1) * (nz + 1));
      let n = 0;
      for (let z = 0; z <= nz; z++) {
        for (let y = 0; y <= ny; y++) {
          for (let x = 0; x <= nx; x++) data[n++] = values[((x % nx) * ny + (y % ny)) * nz + (z % nz)];
        }
      }
      closed[i] = { data: data, shape: [nz + 1, ny + 1, nx + 1] };
    }
    return closed[i];
  }

  function negatedGrid(i) {
    if (!negated[i]) {
      const grid = closedGrid(i);
      negated[i] = { data: grid.data.map((value) => -value), shape: grid.shape };
    }
    return negated[i];
  }

  // ---- what is shown ------------------------------------------------------------------------------------------------

  const state = { grid: 0, level: null, surface: true, plane: false, hkl: [1, 1, 0], at: null, atoms: true, cell: true };
  const asked = new URLSearchParams(location.hash.slice(1));
  const number = (text, otherwise) => (text !== null && isFinite(text) && text !== "" ? Number(text) : otherwise);
  state.grid = Math.min(Math.max(0, Math.trunc(number(asked.get("grid"), 0))), scene.grids.length - 1);
  state.level = number(asked.get("level"), null);
  state.at = number(asked.get("at"), null);
  state.surface = asked.get("surface") !== "0";
  if (asked.has("hkl")) {
    const indices = asked.get("hkl").split(",").map(Number);
    if (indices.length === 3 && indices.every(Number.isInteger) && indices.some(Boolean)) {
      state.hkl = indices;
      state.plane = true;
    }
  }

  function triangles(name) {
    const object = K3D.getObjectById(scene.ids[name]);
    let count = 0;
    if (object && json(name).visible) {
      object.traverse((part) => {
        if (part.isMesh && part.geometry.attributes.position) {
          const { index, attributes } = part.geometry;
          count += (index ? index.count : attributes.position.count) / 3;
        }
      });
    }
    return count;
  }

  async function showSurface() {
    const grid = scene.grids[state.grid];
    const positive = json("positive"), negative = json("negative");
    positive.visible = state.surface;
    negative.visible = state.surface && grid.signed;
    if (positive.visible) {
      positive.scalar_field = closedGrid(state.grid);
      positive.level = state.level;
    }
    if (negative.visible) {
      negative.scalar_field = negatedGrid(state.grid);
      negative.level = state.level;
    }
    await Promise.all([redraw("positive"), redraw("negative")]);
  }

  // corners of the plane h·x = at in the unit cube, in turn
  function polygon(hkl, at) {
    const points = [];
    for (let axis = 0; axis < 3; axis++) {
      const [u, v] = [(axis + 1) % 3, (axis + 2) % 3];
      for (const [p, q] of [[0, 0], [1, 0], [0, 1], [1, 1]]) {
        if (!hkl[axis]) continue;
        const x = [0, 0, 0];
        x[u] = p;
        x[v] = q;
        x[axis] = (at - hkl[u] * p - hkl[v] * q) / hkl[axis];
        const apart = (y) => Math.max(...y.map((value, i) => Math.abs(value - x[i])));
        if (x[axis] >= -1e-9 && x[axis] <= 1 + 1e-9 && !points.some((y) => apart(y) < 1e-7)) points.push(x);
      }
    }
    if (points.length < 3) return [];
    const centre = [0, 1, 2].map((i) => points.reduce((sum, x) => sum + x[i], 0) / points.length);
    const from = (x) => x.map((value, i) => value - centre[i]);
    const cross = (a, b) => [0, 1, 2].map((i) => a[(i + 1) % 3] * b[(i + 2) % 3] - a[(i + 2) % 3] * b[(i + 1) % 3]);
    const dot = (a, b) => a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
    const first = from(points[0]), second = cross(hkl, first);
    const angle = (x) => Math.atan2(dot(from(x), second) / dot(second, second), dot(from(x), first) / dot(first, first));
    return points.sort((a, b) => angle(a) - angle(b));
  }

  // the value at fractional coordinates, linear between the points of the closed grid
  function valueAt(grid, x) {
    const [mz, my, mx] = grid.shape, sizes = [mx - 1, my - 1, mz - 1];
    const first = sizes.map((n, i) => Math.min(Math.max(Math.floor(x[i] * n), 0), n - 1));
    const [u, v, w] = sizes.map((n, i) => x[i] * n - first[i]);
    const n = (first[2] * my + first[1]) * mx + first[0], d = grid.data;
    const row = (m) => d[m] * (1 - u) + d[m + 1] * u;
    const layer = (m) => row(m) * (1 - v) + row(m + mx) * v;
    return layer(n) * (1 - w) + layer(n + mx * my) * w;
  }

  // the polygon as a fan, each of its triangles cut into side² small ones
  function triangulate(corners, side) {
    const points = [], indices = [];
    for (let t = 1; t + 1 < corners.length; t++) {
      const [p, q, r] = [corners[0], corners[t], corners[t + 1]], start = points.length;
      const place = (i, j) => start + (i * (i + 1)) / 2 + j;
      for (let i = 0; i <= side; i++) {
        for (let j = 0; j <= i; j++) {
          points.push(p.map((value, k) => value + (i * (q[k] - value) + j * (r[k] - q[k])) / side));
          if (i < side) indices.push(place(i, j), place(i + 1, j), place(i + 1, j + 1));
          if (i < side && j < i) indices.push(place(i, j), place(i, j + 1), place(i + 1, j + 1));
        }
      }
    }
    return [points, indices];
  }

  async function showPlane() {
    const plane = json("plane"), grid = scene.grids[state.grid];
    const corners = state.plane ? polygon(state.hkl, state.at) : [];
    plane.visible = corners.length > 2;
    if (plane.visible) {
      const [points, indices] = triangulate(corners, 100), values = closedGrid(state.grid);
      const cartesian = points.map((x) => [0, 1, 2].map((i) => x[0] * a[i] + x[1] * b[i] + x[2] * c[i]));
      const colours = (grid.signed ? scene.maps.signed : scene.maps.plain).flat();
      plane.vertices = { data: new Float32Array(cartesian.flat()), shape: [points.length, 3] };
      plane.indices = { data: new Uint32Array(indices), shape: [indices.length / 3, 3] };
      plane.attribute = { data: new Float32Array(points.map((x) => valueAt(values, x))), shape: [points.length] };
      plane.color_range = [grid.signed ? -grid.scale : grid.floor, grid.scale];
      plane.color_map = { data: new Float32Array(colours), shape: [colours.length] };
    }
    await redraw("plane");
    if (plane.visible) {
      // colours are values, so that no light may change them
      const material = K3D.getObjectById(scene.ids.plane).material;
      material.emissive.set(0xffffff);
      material.emissiveMap = material.map;
      material.color.set(0x000000);
      material.needsUpdate = true;
    }
    legend(grid, plane.visible);
  }

  async function showRest() {
    for (const [name, shown] of [["atoms", state.atoms], ["cell", state.cell], ["a", state.cell], ["b", state.cell],
      ["c", state.cell]]) {
      if (scene.ids[name] === undefined || json(name).visible === shown) continue;
      json(name).visible = shown;
      await redraw(name);
    }
  }

  // ---- panel --------------------------------------------------------------------------------------------------------

  const style = document.createElement("style");
  style.textContent = `
    #panel { position: fixed; top: 12px; left: 12px; width: 250px; font: 13px/1.5 system-ui, sans-serif; color: #222;
      background: rgba(255, 255, 255, .92); border: 1px solid #ccc; border-radius: 6px; padding: 10px 12px; z-index: 20 }
    #panel summary { font-size: 15px; font-weight: 600; overflow-wrap: anywhere; cursor: pointer }
    #panel fieldset { border: 0; border-top: 1px solid #ddd; margin: 8px 0 0; padding: 6px 0 0 }
    #panel input[type=range] { width: 100%; margin: 2px 0 }
    #panel input[type=number] { width: 84px } #panel input.index { width: 40px } #panel select { width: 100% }
    #panel .row { display: flex; gap: 8px; align-items: center; flex-wrap: wrap }
    #panel .dot { display: inline-block; width: 11px; height: 11px; border-radius: 50%; border: 1px solid #888;
      margin-right: 4px; vertical-align: -1px }
    #panel .note { color: #555; font-size: 12px } #bar { height: 10px; border: 1px solid #999 }
    body { background: #fff !important }`;
  document.head.append(style);
  const panel = document.createElement("details");
  panel.id = "panel";
  panel.open = asked.get("panel") !== "0";
  panel.innerHTML = `
    <summary></summary><div class="row"><span id="elements" class="row"></span><b id="axes"></b></div>
    <fieldset><select id="grid" aria-label="quantity"></select></fieldset>
    <fieldset><label><input type="checkbox" id="surface"> isosurface</label>
      <input type="range" id="slide" min="0" max="1000" aria-label="level">
      <div class="row"><input type="number" id="level" step="any" aria-label="level"> <span id="unit"></span></div>
      <div class="note" id="inside"></div></fieldset>
    <fieldset><label><input type="checkbox" id="plane"> plane</label>
      <div class="row">( <input class="index" type="number" step="1" id="h"> <input class="index" type="number" step="1" id="k">
        <input class="index" type="number" step="1" id="l"> )</div>
      <input type="range" id="at" min="0" max="1000" aria-label="position of the plane"><div class="note" id="where"></div>
      <div id="colours" hidden><div id="bar"></div><div class="row note" style="justify-content: space-between">
        <span id="lowest"></span><span id="highest"></span></div></div></fieldset>
    <fieldset><div class="row"><label><input type="checkbox" id="atoms"> atoms</label>
      <label><input type="checkbox" id="cell"> cell</label></div></fieldset>
    <div class="note" id="notes"></div>`;
  document.body.append(panel);
  const at = (id) => panel.querySelector("#" + id);
  const short = (value) => Number(value.toPrecision(4)).toString();
  panel.querySelector("summary").textContent = scene.title;
  at("notes").textContent = scene.notes.join("; ");
  for (const element of scene.elements) {
    const entry = document.createElement("span"), dot = document.createElement("span");
    dot.className = "dot";
    dot.style.background = element.colour;
    entry.append(dot, element.symbol);
    at("elements").append(entry);
  }
  scene.axes.forEach((colour, i) => {
    const letter = document.createElement("span");
    letter.style.color = colour;
    letter.textContent = "abc"[i] + " ";
    at("axes").append(letter);
  });
  scene.grids.forEach((grid, i) => at("grid").append(new Option(grid.name, i)));

  // the slider runs evenly in log c where values span decades, evenly in c elsewhere
  const levelOf = (share, g) => (g.logarithmic ? g.low * (g.high / g.low) ** share : g.low + share * (g.high - g.low));
  const shareOf = (level, g) => {
    const share = g.logarithmic ? Math.log(level / g.low) / Math.log(g.high / g.low) : (level - g.low) / (g.high - g.low);
    return isFinite(share) ? Math.min(Math.max(share, 0), 1) : 0;
  };
  const range = () => [0, 1].map((side) => state.hkl.reduce((sum, i) => sum + (side ? Math.max(i, 0) : Math.min(i, 0)), 0));

  function legend(grid, shown) {
    at("colours").hidden = !shown;
    if (!shown) return;
    const colours = grid.signed ? scene.maps.signed : scene.maps.plain, flat = colours.flat(), stops = [];
    for (let i = 0; i < flat.length; i += 4) {
      stops.push(`rgb(${flat.slice(i + 1, i + 4).map((c) => Math.round(255 * c))}) ${100 * flat[i]}%`);
    }
    at("bar").style.background = `linear-gradient(to right, ${stops.join(", ")})`;
    at("lowest").textContent = short(grid.signed ? -grid.scale : grid.floor);
    at("highest").textContent = `${short(grid.scale)} ${grid.unit}`;
  }

  function tell() {
    const grid = scene.grids[state.grid], [from, to] = range();
    at("grid").value = state.grid;
    at("surface").checked = state.surface;
    at("slide").value = 1000 * shareOf(state.level, grid);
    at("level").value = short(state.level);
    at("unit").textContent = grid.unit;
    at("plane").checked = state.plane;
    ["h", "k", "l"].forEach((name, i) => (at(name).value = state.hkl[i]));
    at("at").value = (1000 * (state.at - from)) / (to - from);
    const normal = scene.reciprocal.map((row) => row.reduce((sum, value, i) => sum + value * state.hkl[i], 0));
    const spacing = 1 / Math.hypot(...normal);
    at("where").textContent = `${["hx", "ky", "lz"].filter((_, i) => state.hkl[i]).join(" + ")} = ${short(state.at)}, `
      + `${short(state.at * spacing)} Å from the origin`;
    at("atoms").checked = state.atoms;
    at("cell").checked = state.cell;
    let above = 0, below = 0;
    const values = rawGrid(state.grid);
    for (const value of values) {
      if (value > state.level) above += value;
      else if (value < -state.level) below += value;
    }
    const element = grid.volume / values.length, what = grid.unit.split("/")[0];
    const integral = grid.unit.endsWith("/Å³");
    at("inside").textContent = !state.surface || !integral ? "" : `inside: ${short(above * element)} ${what}`
      + (grid.signed ? ` and ${short(below * element)} ${what}` : "");
  }

  // one drawing at a time; what is asked meanwhile is drawn once, at the end
  let busy = false, again = false;
  async function show() {
    if (busy) {
      again = true;
      return;
    }
    busy = true;
    do {
      again = false;
      const [from, to] = range();
      state.at = Math.min(Math.max(state.at ?? (from + to) / 2, from), to);
      const grid = scene.grids[state.grid];
      state.level = state.level ?? grid.level;
      tell();
      await showSurface();
      await showPlane();
      await showRest();
      K3D.refreshAfterObjectsChange(true, true);
      document.body.dataset.triangles = triangles("positive") + triangles("negative");
      document.body.dataset.plane = triangles("plane");
    } while (again);
    busy = false;
  }

  const on = (id, event, change) => at(id).addEventListener(event, (e) => { change(e.target); show(); });
  on("grid", "change", (input) => { state.grid = Number(input.value); state.level = null; });
  for (const id of ["surface", "plane", "atoms", "cell"]) on(id, "change", (input) => { state[id] = input.checked; });
  on("slide", "input", (input) => { state.level = levelOf(input.value / 1000, scene.grids[state.grid]); });
  on("level", "change", (input) => { state.level = number(input.value, scene.grids[state.grid].level); });
  on("at", "input", (input) => { const [from, to] = range(); state.at = from + (input.value / 1000) * (to - from); });
  ["h", "k", "l"].forEach((name, i) => on(name, "change", (input) => {
    const hkl = state.hkl.slice();
    hkl[i] = Math.trunc(number(input.value, hkl[i]));
    if (hkl.some(Boolean)) { state.hkl = hkl; state.at = null; state.plane = true; }
  }));
  show();
}
