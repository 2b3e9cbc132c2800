// The viewer is a script of its own, not a module.
declare const OpenSeadragon: any;
