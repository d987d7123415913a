// The board on a wall: full screen, and a screen that stays on meanwhile.
"use strict";

document.addEventListener("DOMContentLoaded", () => {
  const board = document.getElementById("board");
  const button = document.getElementById("board-full-screen");
  let lock;

  // The browser takes the lock away whenever the page is hidden.
  async function keepScreenOn() {
    if (document.fullscreenElement && !document.hidden) {
      lock = await navigator.wakeLock?.request("screen").catch(() => undefined);
    } else {
      await lock?.release();
    }
  }

  button.hidden = !document.fullscreenEnabled;
  button.addEventListener("click", () => document.fullscreenElement ? document.exitFullscreen() : board.requestFullscreen());
  document.addEventListener("fullscreenchange", keepScreenOn);
  document.addEventListener("visibilitychange", keepScreenOn);
});
