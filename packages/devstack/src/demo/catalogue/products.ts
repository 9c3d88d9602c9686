/** A product of the demonstration shop. */
export interface DemoProduct {
  readonly sku: string;
  readonly name: string;
  readonly category: string;
  readonly tags: readonly string[];
  readonly supplierId: string;
  /** In US cents. */
  readonly price: number;
}

type Row = readonly [sku: string, name: string, price: number, supplierId: string, ...tags: string[]];

const inCategory =
  (category: string) =>
  ([sku, name, dollars, supplierId, ...tags]: Row): DemoProduct => ({
    sku,
    name,
    category,
    tags,
    supplierId,
    price: Math.round(dollars * 100),
  });

const CYCLING: readonly Row[] = [
  ['BIKE-TREK-E1', 'Ridgeline E-Tour 500', 2_899, 'velo-werk', 'electric', 'bestseller'],
  ['BIKE-TREK-E2', 'Ridgeline E-Tour 700', 3_699, 'velo-werk', 'electric'],
  ['BIKE-CITY-E1', 'Quayside E-City', 2_199, 'velo-werk', 'electric', 'commuter'],
  ['BIKE-CARGO-1', 'Longtail Cargo', 4_299, 'velo-werk', 'electric', 'family'],
  ['BIKE-GRAVEL', 'Sandstone Gravel', 1_849, 'velo-werk'],
  ['BIKE-ROAD-2', 'Tarmac Road 2', 1_249, 'velo-werk', 'clearance'],
  ['BIKE-KIDS-20', 'Sparrow 20 Kids', 389, 'velo-werk', 'family'],
  ['BIKE-TRAIL-R', 'Twin Child Trailer', 549, 'velo-werk', 'family'],
  ['BIKE-HELMET', 'Cirrus Helmet', 89.95, 'peak-supply', 'bestseller'],
  ['BIKE-LIGHTS', 'Beacon Light Set', 64.5, 'peak-supply'],
];

const CAMPING: readonly Row[] = [
  ['TENT-SOLO', 'Larch 1 Tent', 329, 'peak-supply'],
  ['TENT-DUO', 'Larch 2 Tent', 449, 'peak-supply', 'bestseller'],
  ['TENT-FAM-5', 'Meadow 5 Family Tent', 799, 'peak-supply', 'family'],
  ['TENT-ROOF', 'Lookout Rooftop Tent', 1_699, 'peak-supply'],
  ['BAG-DOWN-5', 'Drift Down Bag -5', 279, 'peak-supply'],
  ['BAG-SYNTH', 'Drift Light Bag', 119, 'peak-supply', 'clearance'],
  ['MAT-AIR', 'Cloudrest Mat', 99, 'peak-supply'],
  ['STOVE-GAS', 'Ember Gas Stove', 74.9, 'peak-supply'],
];

const WATERSPORTS: readonly Row[] = [
  ['KAYAK-TOUR', 'Otter Touring Kayak', 1_399, 'blue-reach', 'launch'],
  ['KAYAK-FOLD', 'Otter Folding Kayak', 1_149, 'blue-reach'],
  ['SUP-ALL', 'Heron Paddle Board', 649, 'blue-reach', 'bestseller'],
  ['SUP-KIDS', 'Heron Junior Board', 379, 'blue-reach', 'family', 'clearance'],
  ['VEST-FLOAT', 'Buoy Vest', 84, 'blue-reach'],
  ['DRYBAG-30', 'Dry Bag 30 l', 39.9, 'blue-reach'],
];

const NAVIGATION: readonly Row[] = [
  ['GPS-HAND', 'Waypoint 66', 449, 'north-star'],
  ['GPS-BIKE', 'Waypoint Ride', 379, 'north-star', 'bestseller'],
  ['WATCH-TREK', 'Meridian Trek Watch', 599, 'north-star'],
  ['WATCH-LITE', 'Meridian Lite Watch', 249, 'north-star', 'clearance'],
  ['BEACON-SAT', 'Halo Satellite Messenger', 349, 'north-star'],
  ['HEADLAMP', 'Firefly Head Lamp', 59.95, 'north-star'],
  ['POWER-SUN', 'Solar Panel 21 W', 129, 'north-star'],
];

const CLOTHING: readonly Row[] = [
  ['JACKET-RAIN', 'Squall Rain Jacket', 219, 'wool-and-wind', 'bestseller'],
  ['JACKET-DOWN', 'Hearth Down Jacket', 289, 'wool-and-wind'],
  ['SHELL-PRO', 'Squall Pro Shell', 399, 'wool-and-wind'],
  ['BASE-MERINO', 'Merino Base Layer', 89, 'wool-and-wind'],
  ['SOCKS-3', 'Merino Socks, 3 Pairs', 42, 'wool-and-wind'],
  ['BOOT-HIKE', 'Granite Hiking Boots', 239, 'wool-and-wind'],
  ['SHOE-TRAIL', 'Pebble Trail Shoes', 149, 'wool-and-wind', 'clearance'],
  ['GLOVES', 'Frost Gloves', 54.9, 'wool-and-wind'],
  ['PACK-45', 'Packhorse 45 l', 189, 'wool-and-wind', 'family'],
];

/** Forty products in five categories from five suppliers. */
export const PRODUCTS: readonly DemoProduct[] = [
  ...CYCLING.map(inCategory('cycling')),
  ...CAMPING.map(inCategory('camping')),
  ...WATERSPORTS.map(inCategory('watersports')),
  ...NAVIGATION.map(inCategory('navigation')),
  ...CLOTHING.map(inCategory('clothing')),
];
